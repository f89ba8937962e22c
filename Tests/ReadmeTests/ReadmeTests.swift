import DefaultTransports
import Foundation
import Handfast
import Testing

@Suite struct `The README` {
    @Test func `lists the settings that there are`() throws {
        let table = Settings.markdownTable(of: Settings.rows(transports: defaultTransports))
            .trimmingCharacters(in: .newlines)
        let isCurrent = try Readme.section("settings") == table
        #expect(isCurrent, "this belongs between the markers <!-- settings --> of README.md:\n\(table)")
    }

    @Test func `shows the example as it is compiled`() throws {
        let source = try Readme.text(of: "Examples/Embedding/main.swift")
        let isCurrent = try Readme.section("example") == "```swift\n\(source)```"
        #expect(isCurrent, "Examples/Embedding/main.swift belongs between the markers <!-- example --> of README.md")
    }

    @Test func `shows what the example prints`() throws {
        let process = Process()
        let pipe = Pipe()
        process.executableURL = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath()
            .deletingLastPathComponent().appending(path: "Embedding")
        process.environment = [:]
        process.standardOutput = pipe
        try process.run()
        let output = String(decoding: try pipe.fileHandleForReading.readToEnd() ?? Data(), as: UTF8.self)
        process.waitUntilExit()
        #expect(process.terminationStatus == 0)
        #expect(try Readme.section("example output") == "```\n\(output)```")
    }
}
