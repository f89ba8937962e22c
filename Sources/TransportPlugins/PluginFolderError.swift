import Glibc
import TransportAPI

/// A folder of transports that cannot be looked into.
public struct PluginFolderError: Error, Hashable, Sendable, CustomStringConvertible {
    /// Names the folder and what is wrong with it.
    public let description: String

    init(_ folder: String, _ systemError: Int32) {
        description = "\(folder.escaped()) cannot be read as a folder: \(String(cString: strerror(systemError)))"
    }
}
