import Glibc
import Testing

/// A TCP stream that waits, and not for ever.
final class RawSocket {
    private let number: Int32

    private init(owning number: Int32) throws {
        self.number = number
        try #require(number >= 0, "\(String(cString: strerror(errno)))")
        var limit = timeval(tv_sec: 20, tv_usec: 0)
        setsockopt(number, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        setsockopt(number, SOL_SOCKET, SO_SNDTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
    }

    deinit { close(number) }

    private static func loopback(_ port: UInt16) -> sockaddr_in {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        return address
    }

    private func withAddress(_ port: UInt16, _ call: (UnsafePointer<sockaddr>, socklen_t) -> Int32) -> Int32 {
        withUnsafePointer(to: Self.loopback(port)) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { call($0, socklen_t(MemoryLayout<sockaddr_in>.size)) }
        }
    }

    static func connect(port: UInt16) throws -> RawSocket {
        let stream = try RawSocket(owning: socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0))
        try #require(stream.withAddress(port) { Glibc.connect(stream.number, $0, $1) } == 0)
        return stream
    }

    static func listen() throws -> (listener: RawSocket, port: UInt16) {
        let listener = try RawSocket(owning: socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0))
        try #require(listener.withAddress(0) { bind(listener.number, $0, $1) } == 0)
        try #require(Glibc.listen(listener.number, 4) == 0)
        var address = sockaddr_in()
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        _ = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(listener.number, $0, &size) }
        }
        return (listener, UInt16(bigEndian: address.sin_port))
    }

    func accept() throws -> RawSocket { try RawSocket(owning: Glibc.accept(number, nil, nil)) }

    func send(_ bytes: [UInt8]) throws {
        var sent = 0
        while sent < bytes.count {
            let count = bytes.withUnsafeBytes {
                Glibc.send(number, $0.baseAddress! + sent, bytes.count - sent, Int32(MSG_NOSIGNAL))
            }
            try #require(count > 0, "\(String(cString: strerror(errno)))")
            sent += count
        }
    }

    /// Exactly so many; nil at the end of the stream.
    func receive(_ byteCount: Int) throws -> [UInt8]? {
        var bytes = [UInt8](repeating: 0, count: byteCount)
        var received = 0
        while received < byteCount {
            let count = bytes.withUnsafeMutableBytes {
                recv(number, $0.baseAddress! + received, byteCount - received, 0)
            }
            try #require(count >= 0, "\(String(cString: strerror(errno)))")
            if count == 0 { return nil }
            received += count
        }
        return bytes
    }
}
