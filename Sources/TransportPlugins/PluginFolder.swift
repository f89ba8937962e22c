import Glibc
import TransportAPI

enum PluginFolder {
    /// The names of its files `*.so`, in the order of their bytes.
    static func objects(in folder: String) throws(PluginFolderError) -> [String] {
        guard let stream = opendir(folder) else { throw PluginFolderError(folder, errno) }
        defer { closedir(stream) }
        var names: [String] = []
        errno = 0
        while let entry = readdir(stream) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name.hasSuffix(".so"), !name.hasPrefix(".") { names.append(name) }
            errno = 0
        }
        guard errno == 0 else { throw PluginFolderError(folder, errno) }
        return names.sorted()
    }
}
