import Foundation
import Testing

@Suite(.serialized) struct `A poll that finds nothing` {
    @Test(arguments: ["shm", "tcp"])
    func `takes as many instructions with 200 connections as with one`(over transport: String) throws {
        #if DEBUG
            return print("skipped: only `swift test -c release` makes the code whose instructions matter")
        #else
            try compare(transport)
        #endif
    }

    private func compare(_ transport: String) throws {
        guard let valgrind = Self.tool("valgrind"), let strip = Self.tool("strip") else {
            return print("skipped: it needs valgrind, and strip of binutils")
        }
        // Valgrind stumbles over the debug information of Swift.
        let folder = FileManager.default.temporaryDirectory.appending(path: "handfast-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let bare = folder.appending(path: "HotPathProbe")
        _ = try Probe.run(strip, ["-g", "-o", bare.path, Probe.executable.path])
        let counts = try [1, 200].map { connectionCount in
            let output = try Probe.run(
                valgrind,
                [
                    "--tool=callgrind", "--toggle-collect=call_counters_region",
                    "--callgrind-out-file=\(folder.path)/profile", bare.path, transport, "--idle",
                    "\(connectionCount)", "\(Self.pollCount)",
                ])
            let line = try #require(output.split(separator: "\n").first { $0.contains("Collected :") }, "\(output)")
            return try #require(line.split(separator: " ").last.flatMap { Int($0) }, "\(line)")
        }
        print("\(transport): \(counts.map { $0 / Self.pollCount }) instructions a poll with 1 and 200 connections")
        #expect(counts[0] > Self.pollCount, "nothing was counted")
        #expect(counts[1] <= counts[0] + counts[0] / 50)
    }

    private static let pollCount = 10_000

    private static func tool(_ name: String) -> URL? {
        let folders = (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":")
        return folders.map { URL(filePath: "\($0)/\(name)") }
            .first { FileManager.default.isExecutableFile(atPath: $0.path) }
    }
}
