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

    @Test func `shows the example of tasks as it is compiled, and it works`() throws {
        let source = try Readme.text(of: "Examples/Tasks/main.swift")
        let isCurrent = try Readme.section("tasks") == "```swift\n\(source)```"
        #expect(isCurrent, "Examples/Tasks/main.swift belongs between the markers <!-- tasks --> of README.md")
        #expect(try Readme.output(of: "Tasks") == "answered \"olleh\"\n")
    }

    // It is compiled and run by the stage cclient of .ci/run.
    @Test func `shows the example in C as it is compiled`() throws {
        let source = try Readme.text(of: "Examples/C/hello.c")
        let isCurrent = try Readme.section("c example") == "```c\n\(source)```"
        #expect(isCurrent, "Examples/C/hello.c belongs between the markers <!-- c example --> of README.md")
    }

    @Test func `names an example of four processes, which works and has less than 100 lines`() throws {
        #expect(
            try Readme.output(of: "Exchange").split(separator: "\n").sorted() == [
                "rank 0 got 90", "rank 1 got 80", "rank 2 got 70", "rank 3 got 60",
            ])
        #expect(try Readme.text(of: "Examples/Exchange/main.swift").split(separator: "\n").count < 100)
        #expect(try Readme.text(of: "README.md").contains("Examples/Exchange"))
    }

    @Test func `is led on by a table of the semantics of messages whose tests all exist`() throws {
        let rows = try Readme.text(of: "Documentation/Messages.md").split(separator: "\n").filter { $0.hasPrefix("| ") }
        let tests = try Readme.sources(under: "Tests")
        var count = 0
        for row in rows {
            let cells = row.split(separator: "|")
            let names = (cells.count > 1 ? cells[1] : "").split(separator: "`").map(String.init)
            for name in names where name.contains(" ") && name.first?.isLetter == true {
                count += 1
                #expect(tests.contains("func `\(name)`"), "no test is called \(name)")
            }
        }
        #expect(count > 40)
    }

    @Test func `shows what the example prints`() throws {
        let output = try Readme.output(of: "Embedding")
        #expect(try Readme.section("example output") == "```\n\(output)```")
    }
}
