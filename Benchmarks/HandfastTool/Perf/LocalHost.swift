import Glibc
import Handfast

/// By which of its addresses this host's two processes meet: that of an RDMA interface where there is one, because no other leads to
/// its device; else 127.0.0.1.
enum LocalHost {
    static let address: IPAddress = rdmaAddress ?? IPAddress("127.0.0.1")!
    static var isRDMA: Bool { rdmaAddress != nil }

    private static let devices = "/sys/class/infiniband"

    private static var rdmaAddress: IPAddress? {
        entries(of: devices).sorted().lazy.compactMap { device in
            let port = "\(devices)/\(device)/ports/1"
            guard SmallFile.read("\(port)/state")?.hasPrefix("4:") == true else { return nil }
            return (0..<16).lazy.compactMap { SmallFile.read("\(port)/gids/\($0)").flatMap(mapped) }.first
        }.first
    }

    /// The IPv4 address in a GID such as `0000:0000:0000:0000:0000:ffff:0a01:0001`.
    private static func mapped(_ gid: String) -> IPAddress? {
        let words = gid.split { $0 == ":" || $0 == "\n" }.compactMap { UInt16($0, radix: 16) }
        guard words.count == 8, words[..<5].allSatisfy({ $0 == 0 }), words[5] == 0xffff else { return nil }
        return IPAddress(bytes: words[6...].flatMap { [UInt8($0 >> 8), UInt8($0 & 0xff)] })
    }

    private static func entries(of folder: String) -> [String] {
        guard let stream = opendir(folder) else { return [] }
        defer { closedir(stream) }
        var names: [String] = []
        while let entry = readdir(stream) {
            let name = withUnsafeBytes(of: entry.pointee.d_name) {
                String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
            }
            if !name.hasPrefix(".") { names.append(name) }
        }
        return names
    }
}
