import Glibc
import Testing

@testable import Handfast

@Suite struct `A listener` {
    @Test func `hands its options on to the sockets that it accepts`() throws {
        let listener = try Listener(on: .loopback, port: 0)
        let number = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        let client = Descriptor(owning: number)
        var address = try SocketAddress(.loopback, port: listener.port)
        try #require(address.withPointer { connect(client.number, $0, $1) } == 0)
        guard case .socket(let accepted) = listener.accept({ _, _ in }) else {
            Issue.record("nobody came")
            return
        }
        #expect(option(accepted.number, Int32(IPPROTO_TCP), TCP_NODELAY) != 0)
        #expect(option(accepted.number, SOL_SOCKET, SO_KEEPALIVE) != 0)
        #expect(option(accepted.number, Int32(IPPROTO_TCP), TCP_KEEPIDLE) == 5)
        #expect(option(accepted.number, Int32(IPPROTO_TCP), TCP_KEEPINTVL) == 4)
        #expect(option(accepted.number, Int32(IPPROTO_TCP), TCP_KEEPCNT) == 20)
    }

    private func option(_ socket: Int32, _ level: Int32, _ option: Int32) -> Int32 {
        var value: Int32 = -1
        var byteCount = socklen_t(MemoryLayout<Int32>.size)
        getsockopt(socket, level, option, &value, &byteCount)
        return value
    }
}
