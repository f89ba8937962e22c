import Testing

@Suite struct `The sources` {
    private static let paths = ["Sources", "Plugins"].flatMap(Tree.sources)

    @Test func `have no file of more than 400 lines`() throws {
        #expect(!Self.paths.isEmpty)
        for path in Self.paths {
            let count = try Tree.text(path).split(separator: "\n", omittingEmptySubsequences: false).count - 1
            #expect(count <= 400, "\(path) has \(count) lines: is a type missing?")
        }
    }

    /// Its size is the library's secret: a type with such a field has each use of any field ask where that lies.
    @Test func `keep no instant of a clock in raw state`() throws {
        var count = 0
        for path in Self.paths {
            let lines = try Tree.text(path).split(separator: "\n").map(\.trimmed)
            guard lines.contains(where: { $0.hasPrefix("@unsafe struct") || $0.contains(": TableSlot {") }) else {
                continue
            }
            count += 1
            for line in lines where line.contains("var ") || line.contains("let ") {
                #expect(!line.hasSuffix("Clock.Instant") && !line.hasSuffix("Clock.Instant?"), "\(path): \(line)")
            }
        }
        #expect(count > 20)
    }

    @Test func `read the environment in one place`() throws {
        // The shim is what the one place calls.
        let allowed = [
            "Sources/Handfast/Settings+ProcessEnvironment.swift", "Sources/CSystem/CSystem.c",
            "Sources/CSystem/include/CSystem.h",
        ]
        let names: Set = ["getenv", "secure_getenv", "environ", "__environ", "csystem_environment"]
        for path in Self.paths where !allowed.contains(path) {
            let code = try Tree.text(path).split(separator: "\n").filter { !$0.trimmed.hasPrefix("//") }
            for line in code {
                let words = line.split { !($0.isLetter || $0.isNumber || $0 == "_") }.map(String.init)
                #expect(names.isDisjoint(with: words), "\(path) reads the environment: \(line.trimmed)")
            }
        }
    }
}
