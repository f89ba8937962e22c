import Foundation
import Testing

/// The README and the other files of this package.
enum Readme {
    private static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    static func text(of path: String) throws -> String {
        try String(contentsOf: root.appending(path: path), encoding: .utf8)
    }

    /// All Swift sources of a folder, one after the other.
    static func sources(under folder: String) throws -> String {
        let paths = try FileManager.default.subpathsOfDirectory(atPath: root.appending(path: folder).path)
        return try paths.filter { $0.hasSuffix(".swift") }.map { try text(of: "\(folder)/\($0)") }.joined()
    }

    /// What stands between `<!-- name -->` and `<!-- /name -->` in the README, without the blank lines around it.
    static func section(_ name: String) throws -> String {
        let readme = try text(of: "README.md")
        let start = try #require(readme.range(of: "<!-- \(name) -->"), "README.md has no <!-- \(name) -->")
        let rest = readme[start.upperBound...]
        let end = try #require(rest.range(of: "<!-- /\(name) -->"), "README.md has no <!-- /\(name) -->")
        return rest[..<end.lowerBound].trimmingCharacters(in: .newlines)
    }

    /// What an example, built beside the tests, prints in an empty environment; fails the test unless it ends with 0.
    static func output(of example: String) throws -> String {
        let process = Process()
        let pipe = Pipe()
        process.executableURL = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath()
            .deletingLastPathComponent().appending(path: example)
        process.environment = [:]
        process.standardOutput = pipe
        try process.run()
        let output = String(decoding: try pipe.fileHandleForReading.readToEnd() ?? Data(), as: UTF8.self)
        process.waitUntilExit()
        #expect(process.terminationStatus == 0)
        return output
    }
}
