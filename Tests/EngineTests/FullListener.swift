import Glibc

/// A TCP listener whose queue is full: the system drops every further SYN without a word, as a cable that was pulled.
final class FullListener {
    private let socket: Int32
    private var queued: [Int32] = []
    let port: UInt16

    /// - Parameter lastByte: the last byte of 127.0.0.x.
    init(lastByte: UInt32 = 1) {
        let kind = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue)
        let socket = Glibc.socket(AF_INET, kind, 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = (0x7f00_0000 | lastByte).bigEndian
        var byteCount = socklen_t(MemoryLayout<sockaddr_in>.size)
        var queued: [Int32] = []
        withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { place in
                _ = bind(socket, place, byteCount)
                _ = listen(socket, 0)
                _ = getsockname(socket, place, &byteCount)
                // One fits; the next ones find the queue full and wait for an answer to their SYN.
                while queued.count < 3 {
                    let peer = Glibc.socket(AF_INET, kind, 0)
                    _ = connect(peer, place, byteCount)
                    queued.append(peer)
                }
            }
        }
        (self.socket, self.queued) = (socket, queued)
        port = address.sin_port.bigEndian
    }

    deinit { for descriptor in queued + [socket] { close(descriptor) } }
}
