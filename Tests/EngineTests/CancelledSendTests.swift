import Handfast
import Testing

@Suite struct `A send that is cancelled` {
    @Test(arguments: everyTransport, [10, 3_000_000])
    func `while it waits for its connection never arrives`(transport: String, byteCount: Int) throws {
        let pair = try EndpointPair(transport)
        let near = try pair.near.connect(to: try #require(pair.far.address))
        let payload = Payload(byteCount: byteCount, seed: 1)
        let sends = try (0..<4 as Range<UInt64>).map { try near.send(payload.bytes, tag: $0) }
        #expect(sends[0].cancel() && sends[2].cancel())
        #expect(!sends[0].cancel(), "it is complete")
        try expectCancelled(sends[0])
        try expectCancelled(sends[2])
        #expect(try received(pair, count: 2, byteCount: byteCount) == [1, 3])
        for send in [sends[1], sends[3]] { _ = try pair.finish(send) }
        withExtendedLifetime(payload) {}
    }

    @Test(arguments: everyTransport) func `behind others never arrives`(transport: String) throws {
        let pair = try EndpointPair(transport)
        let (near, far) = try pair.connect()
        let payload = Payload(byteCount: 1_000)
        // Until the transport, or the peer, takes no more.
        var before = [try near.send(payload.bytes, tag: 0)]
        while before[before.count - 1].isComplete {
            before.append(try near.send(payload.bytes, tag: UInt64(before.count)))
        }
        let count = UInt64(before.count)
        let others = try (count..<count + 3).map { try near.send(payload.bytes, tag: $0) }
        #expect(!before[0].cancel(), "it is out")
        #expect(others[0].cancel() && others[2].cancel())
        #expect(
            try received(pair, count: before.count + 1, byteCount: payload.byteCount) == Array(0..<count) + [count + 1])
        for send in before + [others[1]] { _ = try pair.finish(send) }
        try expectCancelled(others[0])
        try expectCancelled(others[2])
        withExtendedLifetime(payload) {}
        near.close()
        pair.run("both are closed") { near.state == .closed && far.state == .closed }
    }

    @Test(arguments: everyTransport) func `goes on when its memory was announced`(transport: String) throws {
        let pair = try EndpointPair(transport)
        let (near, _) = try pair.connect()
        let big = Payload(byteCount: 5_000_000, seed: 1)
        let send = try near.send(big.bytes, tag: 1)
        #expect(!send.cancel())
        let room = Payload(byteCount: big.byteCount)
        _ = try pair.finish(try pair.far.receive(into: room.mutable, tag: 1))
        _ = try pair.finish(send)
        #expect(room == big)
        #expect(!send.cancel(), "its handle is stale")
    }

    @Test func `before its connection on demand was begun leaves it alone`() throws {
        let pair = try EndpointPair("tcp")
        try pair.near.listen(on: IPAddress("127.0.0.1"))
        let near = try pair.near.connect(to: try #require(pair.far.address), mode: .onDemand)
        let payload = Payload(byteCount: 5, seed: 1)
        let cancelled = try near.send(payload.bytes, tag: 1)
        #expect(cancelled.cancel())
        for _ in 0..<100 { pair.driveBoth() }
        #expect(near.state == .onDemand)
        try expectCancelled(cancelled)
        withExtendedLifetime(payload) {}
    }

    @Test(arguments: transports) func `while its connection on demand is made never arrives`(transport: String) throws {
        let pair = try EndpointPair(transport)
        let nearAddress = try pair.near.listen(on: IPAddress("127.0.0.1"))
        let near = try pair.near.connect(to: try #require(pair.far.address), mode: .onDemand)
        _ = try pair.far.connect(to: nearAddress, mode: .onDemand)
        let payload = Payload(byteCount: 5, seed: 1)
        let sends = try (0..<3 as Range<UInt64>).map { try near.send(payload.bytes, tag: $0) }
        pair.driveBoth()
        #expect(near.state == .connecting)
        #expect(sends[1].cancel())
        #expect(try received(pair, count: 2, byteCount: 5) == [0, 2])
        try expectCancelled(sends[1])
        for send in [sends[0], sends[2]] { _ = try pair.finish(send) }
        withExtendedLifetime(payload) {}
    }

    private func received(_ pair: EndpointPair, count: Int, byteCount: Int) throws -> [UInt64] {
        let (room, header) = (Payload(byteCount: byteCount), Payload(byteCount: 8))
        let tags = try (0..<count).map { _ in
            _ = try pair.finish(try pair.far.receive(into: room.mutable, header: header.mutable))
            return header.bytes.load(as: UInt64.self)
        }
        for _ in 0..<100 { pair.driveBoth() }
        #expect(try pair.far.probe() == nil, "nothing else came")
        return tags
    }

    private func expectCancelled(_ request: Request) throws {
        let error = #expect(throws: HandfastError.self) { try request.result() }
        #expect(error?.code == .cancelled)
        #expect(error?.message.contains("send") == true)
    }
}
