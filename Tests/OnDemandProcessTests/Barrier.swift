import Glibc
import Precon
import Testing

/// A way to an endpoint on which everything gets lost but BACK_CONNECT, and a port where nobody listens.
final class Barrier {
    private struct Relayed {
        let near: Int32
        var far: Int32?
        var isLost = false
    }

    let port: UInt16
    let deadPort: UInt16
    private(set) var relayedCount = 0
    private let listener: Int32
    private let dead: Int32
    private let target: UInt16
    private var streams: [Relayed] = []

    init(to port: String) throws {
        target = try #require(UInt16(port))
        (listener, self.port) = try Self.bound()
        (dead, deadPort) = try Self.bound()
        try #require(listen(listener, 16) == 0)
    }

    deinit {
        close(listener)
        close(dead)
        for stream in streams {
            close(stream.near)
            if let far = stream.far { close(far) }
        }
    }

    /// Moves what there is, after a wait of a few milliseconds at most.
    func relay() {
        usleep(2_000)
        while true {
            let socket = accept(listener, nil, nil)
            guard socket >= 0 else { break }
            streams.append(Relayed(near: socket))
        }
        for index in streams.indices where !streams[index].isLost { move(&streams[index]) }
    }

    private func move(_ stream: inout Relayed) {
        var buffer = [UInt8](repeating: 0, count: 65_536)
        let count = recv(stream.near, &buffer, buffer.count, Int32(MSG_DONTWAIT))
        if count > 0, stream.far == nil {
            guard let header = try? FrameHeader(decoding: Array(buffer.prefix(8))),
                header.type == MessageType.backConnect.rawValue
            else { return stream.isLost = true }
            relayedCount += 1
            stream.far = connected()
        }
        guard let far = stream.far else { return }
        if count > 0 { send(far, buffer, count, Int32(MSG_NOSIGNAL)) }
        let back = recv(far, &buffer, buffer.count, Int32(MSG_DONTWAIT))
        if back > 0 { send(stream.near, buffer, back, Int32(MSG_NOSIGNAL)) }
        if back == 0 { shutdown(stream.near, Int32(SHUT_WR)) }
    }

    private func connected() -> Int32 {
        let number = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        Self.withAddress(target) { _ = connect(number, $0, $1) }
        return number
    }

    private static func bound() throws -> (Int32, UInt16) {
        let kind = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue) | Int32(SOCK_NONBLOCK.rawValue)
        let number = socket(AF_INET, kind, 0)
        var port: UInt16 = 0
        withAddress(0) {
            var byteCount = $1
            bind(number, $0, byteCount)
            getsockname(number, $0, &byteCount)
            port = $0.withMemoryRebound(to: sockaddr_in.self, capacity: 1) { UInt16(bigEndian: $0.pointee.sin_port) }
        }
        try #require(port != 0)
        return (number, port)
    }

    private static func withAddress(_ port: UInt16, _ body: (UnsafeMutablePointer<sockaddr>, socklen_t) -> Void) {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, socklen_t(MemoryLayout<sockaddr_in>.size)) }
        }
    }
}
