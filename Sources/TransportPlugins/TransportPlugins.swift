import Glibc
public import TransportAPI

/// Transports from shared objects, as `handfast_transport.h` describes them.
///
/// An object is opened once per process and path, and stays for ever: threads, tables and names of it may be anywhere.
public enum TransportPlugins {
    /// All transports from the files `*.so` of the folders, each folder in the order of its names.
    ///
    /// What cannot be used is a definition too: it has the file's name and refuses with the reason, and nothing else
    /// suffers from it. A file that several folders lead to is taken once.
    /// - Parameters:
    ///   - folders: absolute paths.
    ///   - neighbours: whose names and numbers are taken.
    /// - Throws: when a folder is none or cannot be read; the text names it.
    public static func definitions(
        in folders: [String], beside neighbours: Neighbours
    ) throws(PluginFolderError) -> [TransportDefinition] {
        var neighbours = neighbours
        var seen: Set<String> = []
        var definitions: [TransportDefinition] = []
        for folder in folders {
            for name in try PluginFolder.objects(in: folder) {
                let path = folder.hasSuffix("/") ? folder + name : "\(folder)/\(name)"
                let file = PluginFile(path)
                guard seen.insert(file.realPath ?? path).inserted else { continue }
                let definition = definition(of: file, beside: neighbours)
                neighbours.add(definition)
                definitions.append(definition)
            }
        }
        return definitions
    }

    /// The transport of one shared object; one that cannot be used refuses with the reason.
    /// - Parameter path: an absolute path.
    public static func definition(ofFileAt path: String, beside neighbours: Neighbours) -> TransportDefinition {
        definition(of: PluginFile(path), beside: neighbours)
    }

    private static func definition(of file: PluginFile, beside neighbours: Neighbours) -> TransportDefinition {
        do throws(TransportRefusal) {
            let table = try file.open()
            try table.check(beside: neighbours)
            return table.definition
        } catch {
            return refusing(file, neighbours, error)
        }
    }

    /// Names of transports have no dot, so that the file's name is free unless another folder has one of the same name.
    private static func refusing(
        _ file: PluginFile, _ neighbours: Neighbours, _ refusal: TransportRefusal
    ) -> TransportDefinition {
        let name = file.name.shortened
        return TransportDefinition(
            name: neighbours.names.contains(name) ? file.path.escaped() : name, number: 0,
            summary: "a transport from outside, \(file.path.escaped())"
        ) { _ throws(TransportRefusal) in throw refusal }
    }
}
