import Handfast
import Testing

/// A server of another protocol that listens where a peer is expected.
@Suite struct `A foreign server` {
    static let greetings: [(bytes: [UInt8], shown: String)] = [
        (Array("SSH-2.0-OpenSSH_9.6p1\r\n".utf8), "SSH-2.0-OpenSSH_"),
        (Array("HTTP/1.1 400 Bad Request\r\n\r\n".utf8), "HTTP/1.1 400 Bad"),
        (Array("220 mail ESMTP\r\n".utf8), "220 mail ESMTP.."),
    ]

    private func error(_ environment: [String: String] = [:], _ drive: (SilentListener) -> Void) throws -> HandfastError
    {
        let server = SilentListener()
        let near = try Endpoint(
            name: "near", transports: definitions,
            environment: environment.merging(["HANDFAST_TRANSPORTS": "tcp"]) { $1 })
        let connection = try near.connect(to: "127.0.0.1:\(server.port)")
        let isOver = near.wait(timeout: .seconds(60)) {
            drive(server)
            return connection.state == .closed
        }
        #expect(isOver)
        return try #require(connection.error)
    }

    @Test(arguments: greetings) func `is shown by its first bytes`(bytes: [UInt8], shown: String) throws {
        let error = try error { $0.greet(bytes) }
        #expect(error.code == .rejected)
        #expect(
            error.message.contains("does not speak this protocol; its first bytes are \"\(shown)\""), "\(error.message)"
        )
    }

    /// As one of TLS, whose alert has seven bytes.
    @Test func `is shown though it says less than a header and leaves`() throws {
        let alert: [UInt8] = [0x15, 3, 3, 0, 2, 2, 0x28]
        let error = try error { server in
            while let peer = server.accept() { peer.send(alert) }
        }
        #expect(error.message.contains("does not speak this protocol; its first bytes are \"......(\""), "\(error)")
    }

    /// Half a header of ours is a peer that died.
    @Test func `is not what breaks off within a header of ours`() throws {
        let error = try error(["HANDFAST_CONNECT_ATTEMPTS": "1"]) { server in
            while let peer = server.accept() { peer.send([0, 0x10, 0, 3, 0]) }
        }
        #expect(error.code == .peerLost, "\(error)")
    }
}
