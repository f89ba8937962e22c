import Testing

/// The table "Who may import whom" of Documentation/Architecture.md.
struct ImportTable {
    /// By folder: the names of the modules, `libc` among them.
    let allowed: [String: Set<String>]

    init() throws {
        let lines = try Tree.text("Documentation/Architecture.md").split(separator: "\n").map(String.init)
        let head = try #require(lines.firstIndex(of: "| target | job | may import |"), "the table has lost its head")
        let rows = lines[(head + 2)...].prefix { $0.hasPrefix("|") }
        var allowed: [String: Set<String>] = [:]
        for row in rows {
            let cells = row.split(separator: "|").map { $0.trimmed }
            try #require(cells.count == 3, "a row of three cells: \(row)")
            let folder = String(cells[0].filter { $0 != "`" })
            let names = cells[2].filter { $0 != "`" }.split(separator: ",").map { String($0.trimmed) }
            try #require(allowed[folder] == nil, "two rows for \(folder)")
            allowed[folder] = Set(names).subtracting(["nothing"])
        }
        self.allowed = allowed
    }

    /// Whether a source of the folder may have the module.
    func allows(_ module: String, in folder: String) -> Bool {
        if Self.everybodys.contains(module) { return true }
        let names = allowed[folder] ?? []
        if module == "Glibc" { return !names.isDisjoint(with: ["libc", "CSystem"]) }
        return names.contains(module)
    }

    private static let everybodys: Set = ["Swift", "Synchronization"]

    /// The modules that a source imports, whatever stands before the word.
    static func imports(of source: String) -> Set<String> {
        let modules = source.split(separator: "\n").compactMap { line -> String? in
            let words =
                line.split(separator: "//", omittingEmptySubsequences: false)[safe: 0]?.split(separator: " ") ?? []
            guard let place = words.firstIndex(of: "import"),
                words[..<place].allSatisfy({ $0.hasPrefix("@") || access.contains(String($0)) })
            else { return nil }
            // `import struct Module.Name` names a kind first.
            let name = words[safe: place + 1].flatMap { kinds.contains(String($0)) ? words[safe: place + 2] : $0 }
            return name?.split(separator: ".").first.map(String.init)
        }
        return Set(modules)
    }

    private static let access: Set = ["public", "package", "internal", "fileprivate", "private"]
    private static let kinds: Set = ["struct", "class", "enum", "protocol", "typealias", "func", "let", "var"]
}

extension StringProtocol {
    var trimmed: SubSequence {
        let start = firstIndex { $0 != " " } ?? endIndex
        let end = lastIndex { $0 != " " }.map(index(after:)) ?? start
        return self[start..<end]
    }
}

extension Array {
    subscript(safe index: Int) -> Element? { indices.contains(index) ? self[index] : nil }
}
