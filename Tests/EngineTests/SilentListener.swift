import Glibc

/// A TCP listener whose peers are taken by the system and hear nothing that the test does not say.
final class SilentListener {
    private let socket: Int32
    private var kept: [Int32] = []
    let port: UInt16

    /// - Parameter lastByte: the last byte of 127.0.0.x.
    init(lastByte: UInt32 = 1) {
        socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = (0x7f00_0000 | lastByte).bigEndian
        var byteCount = socklen_t(MemoryLayout<sockaddr_in>.size)
        let socket = socket
        withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                _ = bind(socket, $0, byteCount)
                _ = listen(socket, 16)
                _ = getsockname(socket, $0, &byteCount)
            }
        }
        port = address.sin_port.bigEndian
    }

    deinit { for descriptor in kept + [socket] { close(descriptor) } }

    /// Sends these bytes to each peer that has come since the last call, and says no more.
    func greet(_ bytes: [UInt8]) {
        while true {
            let peer = Glibc.accept(socket, nil, nil)
            guard peer >= 0 else { return }
            _ = send(peer, bytes, bytes.count, Int32(MSG_NOSIGNAL))
            kept.append(peer)
        }
    }

    /// How many peers have come since the last call; they are sent away.
    func count() -> Int {
        var count = 0
        while true {
            let peer = Glibc.accept(socket, nil, nil)
            guard peer >= 0 else { return count }
            close(peer)
            count += 1
        }
    }

    /// The next peer that has come, if any.
    func accept() -> RawPeer? {
        let peer = Glibc.accept(socket, nil, nil)
        guard peer >= 0 else { return nil }
        _ = fcntl(peer, F_SETFD, FD_CLOEXEC)
        return RawPeer(owning: peer)
    }

    /// A port at which nobody listens.
    static func closedPort() -> UInt16 { SilentListener().port }
}
