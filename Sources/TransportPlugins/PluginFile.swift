import CHandfast
import Glibc
import Synchronization
import TransportAPI

/// A shared object that may have a transport.
struct PluginFile {
    /// As it was named.
    let path: String
    /// Without symbolic links; nil when there is no file.
    let realPath: String?

    init(_ path: String) {
        self.path = path
        let resolved = realpath(path, nil)
        realPath = resolved.map { String(cString: $0) }
        free(resolved)
    }

    var name: String { String(path[(path.lastIndex(of: "/").map(path.index(after:)) ?? path.startIndex)...]) }

    /// What became of the objects that were opened, by real path: they are never closed.
    private static let opened = Mutex<[String: Result<PluginTable, TransportRefusal>]>([:])

    /// Opens the object, unless this process has done so before, asks it for its table, and checks that.
    func open() throws(TransportRefusal) -> PluginTable {
        guard path.hasPrefix("/") else { throw refusal("the path of a transport from outside must be absolute") }
        guard let realPath else { throw refusal("there is no such file") }
        try checkOwners(of: realPath)
        return try Self.opened.withLock { opened -> Result<PluginTable, TransportRefusal> in
            if let result = opened[realPath] { return result }
            do throws(TransportRefusal) {
                let table = try Self.load(realPath)
                let result = Result { () throws(TransportRefusal) in try PluginTable(table) }
                opened[realPath] = result
                return result
            } catch { return .failure(error) }
        }.get()
    }

    /// - Returns: what the object says.
    private static func load(_ path: String) throws(TransportRefusal) -> UnsafePointer<hf_transport_plugin> {
        guard let object = dlopen(path, RTLD_NOW | RTLD_LOCAL) else {
            throw refusal(
                "it cannot be opened: \(dlerror().map { String(cString: $0) } ?? "no reason given")".escaped())
        }
        guard let symbol = dlsym(object, "hf_transport_plugin_1") else {
            // Nothing of it is kept.
            dlclose(object)
            throw refusal(
                "it has no symbol hf_transport_plugin_1, so that it is no transport or one for another version")
        }
        typealias Function = @convention(c) () -> UnsafePointer<hf_transport_plugin>?
        guard let table = unsafeBitCast(symbol, to: Function.self)() else {
            throw refusal("its hf_transport_plugin_1 returns NULL in place of a table")
        }
        return table
    }

    /// What is loaded runs with all rights of this process: nobody else may have a say in it.
    private func checkOwners(of realPath: String) throws(TransportRefusal) {
        guard getuid() == geteuid(), getgid() == getegid() else {
            throw refusal("this program runs with another user's rights, and takes no code from its environment")
        }
        for path in [realPath, folder(of: realPath), folder(of: path)] {
            var status = stat()
            guard stat(path, &status) == 0 else {
                throw refusal("\(path.escaped()): \(String(cString: strerror(errno)))")
            }
            guard status.st_uid == 0 || status.st_uid == geteuid() else {
                throw refusal(
                    "\(path.escaped()) belongs to user \(status.st_uid); it must be root's or user \(geteuid())'s,"
                        + " because its code would run here")
            }
            guard status.st_mode & S_IWOTH == 0 else {
                throw refusal(
                    "\(path.escaped()) may be written by anybody, and its code would run here; chmod o-w helps")
            }
        }
    }

    private func folder(of path: String) -> String {
        let folder = path[..<(path.lastIndex(of: "/") ?? path.startIndex)]
        return folder.isEmpty ? "/" : String(folder)
    }
}

private func refusal(_ text: String) -> TransportRefusal { TransportRefusal(.unreachable, text) }
