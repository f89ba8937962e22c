import Glibc

/// The two ends of a real TCP connection within this host, as a handshake would leave them.
struct SocketPair {
    let near: Int32
    let far: Int32

    /// - Throws: when the host has no loopback interface or no descriptors.
    init() throws {
        let listener = Self.makeSocket()
        defer { close(listener) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(INADDR_LOOPBACK).bigEndian
        var byteCount = socklen_t(MemoryLayout<sockaddr_in>.size)
        let connecting = Self.makeSocket()
        let accepted: Int32 = withUnsafeMutableBytes(of: &address) { bytes in
            let address = bytes.baseAddress!.assumingMemoryBound(to: sockaddr.self)
            guard bind(listener, address, byteCount) == 0, listen(listener, 1) == 0,
                getsockname(listener, address, &byteCount) == 0, connect(connecting, address, byteCount) == 0
            else { return -1 }
            return accept(listener, nil, nil)
        }
        (near, far) = (connecting, accepted)
        guard far >= 0 else { throw BrokenRule("no TCP connection to 127.0.0.1 (errno \(errno))") }
        for socket in [near, far] {
            var yes: Int32 = 1
            _ = setsockopt(socket, Int32(IPPROTO_TCP), TCP_NODELAY, &yes, socklen_t(MemoryLayout<Int32>.size))
            _ = fcntl(socket, F_SETFL, O_NONBLOCK)
            _ = fcntl(socket, F_SETFD, FD_CLOEXEC)
        }
    }

    private static func makeSocket() -> Int32 {
        socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    }
}
