import Foundation

/// The files of this package, by paths that begin at its root.
enum Tree {
    static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    static func text(_ path: String) throws -> String {
        try String(contentsOf: root.appending(path: path), encoding: .utf8)
    }

    /// The folders in a folder; none when it is not there.
    static func folders(in folder: String) -> [String] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: root.appending(path: folder).path)) ?? []
        return names.map { "\(folder)/\($0)" }.filter { isFolder($0) && !sources(in: $0).isEmpty }.sorted()
    }

    static func isFolder(_ path: String) -> Bool {
        var isFolder: ObjCBool = false
        return FileManager.default.fileExists(atPath: root.appending(path: path).path, isDirectory: &isFolder)
            && isFolder.boolValue
    }

    /// All sources below a folder, Swift and C.
    static func sources(in folder: String) -> [String] {
        let below = FileManager.default.enumerator(atPath: root.appending(path: folder).path)
        return (below?.compactMap { $0 as? String } ?? [])
            .filter { $0.hasSuffix(".swift") || $0.hasSuffix(".c") || $0.hasSuffix(".h") }
            .map { "\(folder)/\($0)" }.sorted()
    }
}
