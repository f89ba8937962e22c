import Foundation
import Testing

/// A run of the program `HotPathProbe`, which is built beside the tests.
struct Probe {
    /// The words of each line by its first word, `name=value` split.
    private var lines: [String: [String: String]] = [:]
    private(set) var output = ""

    static let executable = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath()
        .deletingLastPathComponent().appending(path: "HotPathProbe")

    init(_ arguments: String...) throws {
        output = try Self.run(Self.executable, arguments)
        for line in output.split(separator: "\n") {
            let words = line.split(separator: " ").map(String.init)
            let values = words.dropFirst().map { $0.split(separator: "=", maxSplits: 1).map(String.init) }
            lines[words[0]] = Dictionary(values.map { ($0[0], $0.count > 1 ? $0[1] : "") }) { $1 }
        }
    }

    func count(_ line: String, _ name: String) throws -> Int {
        try #require(lines[line]?[name].flatMap { Int($0) }, "no \(line) \(name) in:\n\(output)")
    }

    func says(_ line: String, _ word: String) -> Bool { lines[line]?[word] != nil }

    /// - Returns: what it wrote, errors included; fails the test when it did not end with 0.
    static func run(_ executable: URL, _ arguments: [String]) throws -> String {
        let process = Process()
        let pipe = Pipe()
        process.executableURL = executable
        process.arguments = arguments
        process.standardOutput = pipe
        process.standardError = pipe
        try process.run()
        let bytes = try pipe.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        let text = String(decoding: bytes, as: UTF8.self)
        try #require(process.terminationStatus == 0, "\(executable.lastPathComponent) failed:\n\(text)")
        return text
    }
}
