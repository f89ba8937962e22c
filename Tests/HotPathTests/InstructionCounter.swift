import Foundation
import Testing

/// Counts the instructions of the probe's region with valgrind, which gives the same number each time.
final class InstructionCounter {
    private let valgrind: URL
    private let folder: URL
    private let probe: URL

    /// - Returns: nil when valgrind is not here, or what makes a program fit for it.
    init?() throws {
        guard let valgrind = Self.tool("valgrind"), let strip = Self.tool("strip") else { return nil }
        self.valgrind = valgrind
        folder = FileManager.default.temporaryDirectory.appending(path: "handfast-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        probe = folder.appending(path: "HotPathProbe")
        // Valgrind stumbles over the debug information of Swift.
        _ = try Probe.run(strip, ["-g", "-o", probe.path, Probe.executable.path])
    }

    deinit { try? FileManager.default.removeItem(at: folder) }

    /// - Parameter arguments: the probe's.
    func count(_ arguments: [String]) throws -> Int {
        let options = [
            "--tool=callgrind", "--toggle-collect=call_counters_region", "--callgrind-out-file=\(folder.path)/profile",
        ]
        let output = try Probe.run(valgrind, options + [probe.path] + arguments)
        let line = try #require(output.split(separator: "\n").first { $0.contains("Collected :") }, "\(output)")
        return try #require(line.split(separator: " ").last.flatMap { Int($0) }, "\(line)")
    }

    private static func tool(_ name: String) -> URL? {
        let folders = (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":")
        return folders.map { URL(filePath: "\($0)/\(name)") }
            .first { FileManager.default.isExecutableFile(atPath: $0.path) }
    }
}
