import Testing

@Suite(.serialized) struct `handfast perf and a pscom peer` {
    @Test func `echoes what the peer sends, and closes in order`() throws {
        let listener = try ToolProcess(["perf", "--listen", "127.0.0.1", "--once"])
        let address = try listener.firstLine()
        let port = try #require(address.split(separator: "@").first?.split(separator: ":").last.flatMap { UInt16($0) })
        let peer = try PscomPeer.connect(port: port)
        for byteCount in [0, 1, 11, 4_096, 1_000_000] {
            let header = (0..<12).map { UInt8(($0 * 7 + byteCount) & 0xff) }
            let message = PscomPeer.Message(header: header, payload: (0..<byteCount).map { UInt8($0 * 31 & 0xff) })
            try peer.send(message)
            #expect(try peer.receive() == message)
        }
        // Several on the way, with headers of other sizes.
        let burst = (0..<20).map { PscomPeer.Message(header: Array(repeating: 9, count: $0), payload: [UInt8($0)]) }
        for message in burst { try peer.send(message) }
        for message in burst { #expect(try peer.receive() == message) }
        try peer.send(PscomPeer.Message(type: PscomPeer.Message.endType))
        #expect(try peer.receive()?.type == PscomPeer.Message.endType)
        #expect(try peer.receive() == nil)
        #expect(try listener.finish() == 0)
    }

    @Test(arguments: [[], ["--verify"]])
    func `measures against a server that only echoes`(more: [String]) throws {
        let (listener, port) = try RawSocket.listen()
        let client = try ToolProcess(
            [
                "perf", "--connect", "127.0.0.1:\(port)@rawpeer", "--format", "json", "--sizes", "8,5k", "--iterations",
                "10",
            ]
                + more)
        let peer = try PscomPeer.answer(listener.accept(), port: port)
        let sizes = try peer.echoAll()
        #expect(try peer.receive() == nil)
        #expect(try client.finish() == 0, "\(client.errorText)")
        // Besides these only what warms up, and one question whether the peer is one of ours.
        #expect(sizes.count { $0 == 8 } >= 20 && sizes.count { $0 == 5 * 1024 } >= 20)
        #expect(sizes.count { $0 != 8 && $0 != 5 * 1024 } == 1)
        let lines = try JSONLines(client.outputText)
        #expect(lines.transports == ["tcp"] && lines.objects.count == 4)
        #expect(client.errorText.contains("echoes each message"))
    }
}
