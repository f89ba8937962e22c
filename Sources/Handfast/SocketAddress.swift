import Glibc

/// An IP address and port as the system's socket calls take them.
struct SocketAddress {
    private var storage = sockaddr_storage()
    private(set) var byteCount = socklen_t(MemoryLayout<sockaddr_storage>.size)

    /// - Throws: `invalidArgument` when the zone names no interface, or when a link-local IPv6 address has none.
    init(_ address: IPAddress, port: UInt16) throws(HandfastError) {
        if address.bytes.count == 4 {
            var internet = sockaddr_in()
            internet.sin_family = sa_family_t(AF_INET)
            internet.sin_port = port.bigEndian
            withUnsafeMutableBytes(of: &internet.sin_addr) { $0.copyBytes(from: address.bytes) }
            withUnsafeMutableBytes(of: &storage) { target in
                withUnsafeBytes(of: &internet) { target.copyMemory(from: $0) }
            }
            byteCount = socklen_t(MemoryLayout<sockaddr_in>.size)
        } else {
            var internet = sockaddr_in6()
            internet.sin6_family = sa_family_t(AF_INET6)
            internet.sin6_port = port.bigEndian
            internet.sin6_scope_id = try Self.scope(of: address)
            withUnsafeMutableBytes(of: &internet.sin6_addr) { $0.copyBytes(from: address.bytes) }
            withUnsafeMutableBytes(of: &storage) { target in
                withUnsafeBytes(of: &internet) { target.copyMemory(from: $0) }
            }
            byteCount = socklen_t(MemoryLayout<sockaddr_in6>.size)
        }
    }

    private init() {}

    /// An address of any family, as the system lists it.
    init(copying address: UnsafePointer<sockaddr>) {
        let size =
            switch Int32(address.pointee.sa_family) {
            case AF_INET: MemoryLayout<sockaddr_in>.size
            case AF_INET6: MemoryLayout<sockaddr_in6>.size
            default: MemoryLayout<sa_family_t>.size
            }
        withUnsafeMutableBytes(of: &storage) {
            $0.copyMemory(from: UnsafeRawBufferPointer(start: UnsafeRawPointer(address), count: size))
        }
        byteCount = socklen_t(size)
    }

    private static func scope(of address: IPAddress) throws(HandfastError) -> UInt32 {
        guard let zone = address.zone else {
            guard address.isIPv6, address.isLinkLocal else { return 0 }
            throw HandfastError(
                .invalidArgument,
                "\(address) needs the interface that leads there, as in \(address)%eth0; this host has \(interfaceNames)"
            )
        }
        let index = UInt32(zone) ?? if_nametoindex(zone)
        guard index != 0, interfaceName(index) != String(index) else {
            throw HandfastError(
                .invalidArgument, "\(address): this host has no interface \"\(zone)\"; it has \(interfaceNames)")
        }
        return index
    }

    private static var interfaceNames: String {
        guard let list = if_nameindex() else { return "none" }
        defer { if_freenameindex(list) }
        var names: [String] = []
        var entry = list
        while let name = entry.pointee.if_name {
            names.append(String(cString: name))
            entry += 1
        }
        return names.isEmpty ? "none" : names.joined(separator: ", ")
    }

    var family: Int32 { Int32(storage.ss_family) }

    /// Nil for a socket that is not an IP socket.
    var address: IPAddress? {
        switch family {
        case AF_INET:
            return withUnsafeBytes(of: storage) {
                IPAddress(bytes: Array($0.loadUnaligned(as: sockaddr_in.self).bytes), zone: nil)
            }
        case AF_INET6:
            let internet = withUnsafeBytes(of: storage) { $0.loadUnaligned(as: sockaddr_in6.self) }
            let bytes = withUnsafeBytes(of: internet.sin6_addr) { Array($0) }
            // An IPv4 peer of a listener for both: shown, and matched against networks, as what it is.
            let mapped: [UInt8] = Array(repeating: 0, count: 10) + [0xff, 0xff]
            if bytes.starts(with: mapped) { return IPAddress(bytes: Array(bytes[12...]), zone: nil) }
            let zone = internet.sin6_scope_id == 0 ? nil : Self.interfaceName(internet.sin6_scope_id)
            return IPAddress(bytes: bytes, zone: zone)
        default: return nil
        }
    }

    var port: UInt16 {
        switch family {
        case AF_INET: withUnsafeBytes(of: storage) { $0.loadUnaligned(as: sockaddr_in.self).sin_port.bigEndian }
        case AF_INET6: withUnsafeBytes(of: storage) { $0.loadUnaligned(as: sockaddr_in6.self).sin6_port.bigEndian }
        default: 0
        }
    }

    private static func interfaceName(_ index: UInt32) -> String {
        withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(IF_NAMESIZE)) { name in
            guard let start = name.baseAddress, if_indextoname(index, start) != nil else { return String(index) }
            return String(cString: start)
        }
    }

    mutating func withPointer<Result>(_ body: (UnsafeMutablePointer<sockaddr>, socklen_t) -> Result) -> Result {
        let byteCount = byteCount
        return withUnsafeMutablePointer(to: &storage) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, byteCount) }
        }
    }

    /// Whom a connected socket talks to.
    static func peer(of socket: Int32) -> SocketAddress { read { getpeername(socket, $0, $1) } }

    /// Where a socket is bound.
    static func own(of socket: Int32) -> SocketAddress { read { getsockname(socket, $0, $1) } }

    private static func read(_ call: (UnsafeMutablePointer<sockaddr>, UnsafeMutablePointer<socklen_t>) -> Int32)
        -> SocketAddress
    {
        var result = SocketAddress()
        var byteCount = result.byteCount
        _ = result.withPointer { address, _ in call(address, &byteCount) }
        result.byteCount = byteCount
        return result
    }
}

extension SocketAddress: CustomStringConvertible {
    /// As an address is written; for a socket that is gone or is no IP socket, words.
    var description: String {
        guard let address else { return family == AF_UNIX ? "this endpoint" : "a peer that is gone" }
        return address.isIPv6 ? "[\(address)]:\(port)" : "\(address):\(port)"
    }
}

extension sockaddr_in {
    fileprivate var bytes: [UInt8] { withUnsafeBytes(of: sin_addr) { Array($0) } }
}
