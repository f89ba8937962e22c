import Testing

@Suite struct `The imports` {
    private static let roots = ["Sources", "Plugins", "Benchmarks", "Examples"]

    @Test func `are those that the table in the documentation allows`() throws {
        let table = try ImportTable()
        for folder in Self.roots.flatMap(Tree.folders) {
            #expect(table.allowed[folder] != nil, "\(folder) has no row in Documentation/Architecture.md")
            for path in Tree.sources(in: folder) where path.hasSuffix(".swift") {
                for module in try ImportTable.imports(of: Tree.text(path)).sorted() {
                    #expect(table.allows(module, in: folder), "\(path) may not import \(module)")
                }
            }
        }
    }

    @Test func `of a row are those of a folder`() throws {
        let table = try ImportTable()
        #expect(!table.allowed.isEmpty)
        for folder in table.allowed.keys.sorted() {
            #expect(Tree.isFolder(folder), "the row \(folder) of Documentation/Architecture.md has no folder")
        }
    }

    @Test func `of a transport are not Foundation, whatever the table says`() throws {
        for path in Tree.sources(in: "Plugins") {
            let modules = try ImportTable.imports(of: Tree.text(path))
            #expect(!modules.contains { $0.hasPrefix("Foundation") }, "\(path) imports Foundation")
        }
    }

    @Test(arguments: [
        ("import A", ["A"]), ("@testable import A", ["A"]), ("public import A\npackage import B", ["A", "B"]),
        ("@preconcurrency @_spi(X) internal import A", ["A"]), ("import struct A.B", ["A"]), ("import A.B", ["A"]),
        ("    import A  // why", ["A"]), ("// import A", []), ("let text = \"import A\"", []), ("/// to import A", []),
    ])
    func `are found in a source`(source: String, modules: [String]) {
        #expect(ImportTable.imports(of: source) == Set(modules))
    }
}
