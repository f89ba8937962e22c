import Handfast
import Testing

/// Over TCP, which cannot read the peer's memory, and over shared memory, which can but asks first.
@Suite struct `A payload that is asked for by messages` {
    private static let threshold = ["HANDFAST_RENDEZVOUS_BYTES": "1k", "HANDFAST_UNEXPECTED_BYTES": "64k"]

    private func tag(_ number: UInt8) -> Payload {
        let header = Payload(byteCount: 1)
        header.mutable[0] = number
        return header
    }

    @Test(arguments: transports, [1_024, 65_536, 65_537, 1_048_576, 1_114_112, 1_114_113, 5_000_000])
    func `arrives whole`(over transport: String, byteCount: Int) throws {
        let pair = try EndpointPair(transport, Self.threshold)
        let (near, far) = try pair.connect()
        let sent = Payload(byteCount: byteCount, seed: 1)
        let room = Payload(byteCount: byteCount + 1)
        let send = try near.send(sent.bytes)
        #expect(!send.isComplete, "it waits for its receive")
        let completion = try pair.finish(try pair.far.receive(into: room.mutable, from: far))
        _ = try pair.finish(send)
        #expect(completion.byteCount == byteCount)
        #expect(room.starts(with: sent))
    }

    @Test(arguments: transports) func `keeps nobody waiting before its receive is posted`(over transport: String) throws
    {
        let pair = try EndpointPair(transport, Self.threshold)
        let (near, _) = try pair.connect()
        let big = Payload(byteCount: 6_000_000, seed: 1)
        let (one, two) = (tag(1), tag(2))
        let sends = try (0..<5).map { _ in try near.send(big.bytes, header: one.bytes) }
        let small = Payload(byteCount: 8, seed: 2)
        _ = try pair.finish(try near.send(small.bytes, header: two.bytes))
        let room = Payload(byteCount: 8)
        _ = try pair.finish(try pair.far.receive(into: room.mutable) { header, _ in header[0] == 2 })
        #expect(room == small)
        for send in sends {
            let room = Payload(byteCount: big.byteCount)
            _ = try pair.finish(try pair.far.receive(into: room.mutable))
            _ = try pair.finish(send)
            #expect(room == big)
        }
    }

    @Test func `lets small messages pass while it comes, and receives match in order`() throws {
        let pair = try EndpointPair("tcp", Self.threshold)
        let (near, far) = try pair.connect()
        let big = Payload(byteCount: 16_000_000, seed: 1)
        let (bigRoom, small, smallRoom) = (
            Payload(byteCount: 16_000_000), Payload(byteCount: 8, seed: 2), Payload(byteCount: 8)
        )
        let bigReceive = try pair.far.receive(into: bigRoom.mutable, from: far)
        let smallReceive = try pair.far.receive(into: smallRoom.mutable, from: far)
        let send = try near.send(big.bytes)
        pair.run("it has begun to come") { bigRoom.bytes[0] == big.bytes[0] }
        _ = try near.send(small.bytes)
        _ = try pair.finish(smallReceive)
        #expect(!bigReceive.isComplete)
        #expect(smallRoom == small)
        _ = try pair.finish(bigReceive)
        _ = try pair.finish(send)
        #expect(bigRoom == big)
    }

    @Test(arguments: transports) func `goes both ways at once, many at a time`(over transport: String) throws {
        let pair = try EndpointPair(transport, Self.threshold)
        let (near, far) = try pair.connect()
        let payloads = (0..<12).map { Payload(byteCount: 700_000 + $0, seed: UInt64($0)) }
        var sends: [Request] = []
        var receives: [(request: Request, room: Payload)] = []
        for payload in payloads {
            sends += [try near.send(payload.bytes), try far.send(payload.bytes)]
            for (endpoint, connection) in [(pair.near, near), (pair.far, far)] {
                let room = Payload(byteCount: payload.byteCount)
                receives.append((try endpoint.receive(into: room.mutable, from: connection), room))
            }
        }
        for (index, receive) in receives.enumerated() {
            _ = try pair.finish(receive.request)
            #expect(receive.room == payloads[index / 2])
        }
        for send in sends { _ = try pair.finish(send) }
    }

    @Test func `is used from the endpoint's own threshold on`() throws {
        let pair = try EndpointPair("tcp")
        pair.near.rendezvous.transports["tcp"] = 100
        let (near, far) = try pair.connect()
        let payload = Payload(byteCount: 100, seed: 1)
        let waiting = try near.send(payload.bytes)
        for _ in 0..<50 { pair.driveBoth() }
        #expect(!waiting.isComplete)
        #expect(try far.send(payload.bytes).isComplete, "the other endpoint has its own")
        let room = Payload(byteCount: 100)
        _ = try pair.finish(try pair.far.receive(into: room.mutable))
        _ = try pair.finish(waiting)
        #expect(room == payload)
    }

    @Test(arguments: transports) func `goes out before the goodbye of its sender`(over transport: String) throws {
        let pair = try EndpointPair(transport, Self.threshold)
        let (near, far) = try pair.connect()
        let payload = Payload(byteCount: 3_000_000, seed: 3)
        let room = Payload(byteCount: 3_000_000)
        let send = try near.send(payload.bytes)
        near.close()
        for _ in 0..<100 { pair.driveBoth() }
        _ = try pair.finish(try pair.far.receive(into: room.mutable, from: far))
        _ = try pair.finish(send)
        #expect(room == payload)
        pair.run("both are closed") { near.state == .closed && far.state == .closed }
    }

    @Test(arguments: transports) func `is received to its end by who closes meanwhile`(over transport: String) throws {
        let pair = try EndpointPair(transport, Self.threshold)
        let (near, far) = try pair.connect()
        let payload = Payload(byteCount: 8_000_000, seed: 5)
        let room = Payload(byteCount: 8_000_000)
        let receive = try pair.far.receive(into: room.mutable, from: far)
        let send = try near.send(payload.bytes)
        pair.run("it has begun to come") { room.bytes[0] == payload.bytes[0] }
        far.close()
        _ = try pair.finish(send)
        _ = try pair.finish(receive)
        #expect(room == payload)
        pair.run("both are closed") { near.state == .closed && far.state == .closed }
    }

    @Test(arguments: transports) func `ends with an error at its sender when the receiver closes before it asks`(
        over transport: String
    ) throws {
        let pair = try EndpointPair(transport, Self.threshold)
        let (near, far) = try pair.connect()
        let payload = Payload(byteCount: 3_000, seed: 5)
        let send = try near.send(payload.bytes)
        for _ in 0..<50 { pair.driveBoth() }
        far.close()
        pair.run("it ends") { send.isComplete }
        #expect(throws: HandfastError.self) { try send.result() }
        pair.run("both are closed") { near.state == .closed && far.state == .closed }
    }

    /// To be dropped in the middle.
    private func makeOther(_ transport: String) throws -> Endpoint {
        try Endpoint(
            name: "other", transports: definitions,
            environment: Self.threshold.merging(["HANDFAST_TRANSPORTS": transport]) { $1 })
    }

    @Test(arguments: [true, false]) func `ends when either side vanishes in the middle`(isSender: Bool) throws {
        let pair = try EndpointPair("tcp", Self.threshold)
        var other: Endpoint? = try makeOther("tcp")
        let (connection, far) = try pair.join(try #require(other))
        let (payload, room) = (Payload(byteCount: 8_000_000, seed: 5), Payload(byteCount: 8_000_000))
        let receive =
            try isSender ? pair.far.receive(into: room.mutable, from: far) : other!.receive(into: room.mutable)
        let send = try isSender ? connection.send(payload.bytes) : far.send(payload.bytes)
        pair.run("it has begun to come") {
            other?.progress()
            return room.bytes[0] == payload.bytes[0]
        }
        other = nil
        pair.run("the end is known") { (isSender ? receive : send).isComplete }
        let error = #expect(throws: HandfastError.self) { try (isSender ? receive : send).result() }
        #expect(error?.code == .peerLost)
        withExtendedLifetime((payload, room)) {}
    }

    @Test func `is read by a receiver whose sender makes no progress, and may come late all the same`() throws {
        let pair = try EndpointPair("shm", Self.threshold)
        let (near, far) = try pair.connect()
        for byteCount in [5_000, 100_000, 3_000_000] {
            let (sent, room) = (Payload(byteCount: byteCount, seed: 1), Payload(byteCount: byteCount))
            let send = try near.send(sent.bytes)
            let receive = try pair.far.receive(into: room.mutable, from: far)
            _ = try pair.far.wait(for: receive, timeout: .seconds(10))
            #expect(room == sent)
            #expect(!send.isComplete, "its sender has not looked yet")
            _ = try pair.finish(send)
            // The answer that nobody wants any more is out of the way of what follows.
            let (next, nextRoom) = (Payload(byteCount: 40_000, seed: 2), Payload(byteCount: 40_000))
            let second = try near.send(next.bytes)
            _ = try pair.finish(try pair.far.receive(into: nextRoom.mutable, from: far))
            _ = try pair.finish(second)
            #expect(nextRoom == next)
            #expect(room == sent, "nothing was written behind the user's back")
        }
    }

    @Test func `is read when more than a few senders are silent at once`() throws {
        let pair = try EndpointPair("shm", Self.threshold)
        let (near, far) = try pair.connect()
        let payloads = (0..<20).map { Payload(byteCount: 2_000 + $0, seed: UInt64($0)) }
        let rooms = payloads.map { Payload(byteCount: $0.byteCount) }
        let sends = try payloads.map { try near.send($0.bytes) }
        let receives = try rooms.map { try pair.far.receive(into: $0.mutable, from: far) }
        for receive in receives { _ = try pair.far.wait(for: receive, timeout: .seconds(10)) }
        for send in sends { _ = try pair.finish(send) }
        for (payload, room) in zip(payloads, rooms) { #expect(room == payload) }
    }

    @Test func `is read to its end when its sender falls silent after the first answer`() throws {
        let pair = try EndpointPair("shm", Self.threshold)
        let (near, far) = try pair.connect()
        let (sent, room) = (Payload(byteCount: 3_000_000, seed: 1), Payload(byteCount: 3_000_000))
        let send = try near.send(sent.bytes)
        let receive = try pair.far.receive(into: room.mutable, from: far)
        pair.run("its first piece has come") { room.bytes[0] == sent.bytes[0] }
        #expect(!receive.isComplete)
        // From here on the sender computes.
        _ = try pair.far.wait(for: receive, timeout: .seconds(10))
        #expect(room == sent)
        _ = try pair.finish(send)
    }

    @Test func `was sent when its receiver has read it and says so, though it vanishes before the answers`() throws {
        let pair = try EndpointPair("shm", Self.threshold)
        var other: Endpoint? = try makeOther("shm")
        let (connection, far) = try pair.join(try #require(other))
        let (sent, room) = (Payload(byteCount: 300_000, seed: 1), Payload(byteCount: 300_000))
        let first = try far.send(sent.bytes)
        // Fills the ring, so that no answer gets out.
        let filler = Payload(byteCount: 1_000, seed: 2)
        for _ in 0..<400 { _ = try far.send(filler.bytes) }
        let receive = try other!.receive(into: room.mutable, from: connection)
        _ = try other!.wait(for: receive, timeout: .seconds(5))
        #expect(room == sent)
        other = nil
        pair.run("the end is known") { first.isComplete }
        #expect(throws: Never.self) { try first.result() }
        withExtendedLifetime((filler, sent)) {}
    }

    @Test func `completes at its sender when its receiver has read it, whatever that does then`() throws {
        let pair = try EndpointPair("shm", Self.threshold)
        let (near, far) = try pair.connect()
        let (sent, room) = (Payload(byteCount: 300_000, seed: 1), Payload(byteCount: 300_000))
        let first = try near.send(sent.bytes)
        // Fills the ring, so that no answer gets out.
        let filler = Payload(byteCount: 1_000, seed: 2)
        for _ in 0..<400 { _ = try near.send(filler.bytes) }
        let receive = try pair.far.receive(into: room.mutable, from: far)
        _ = try pair.far.wait(for: receive, timeout: .seconds(5))
        #expect(room == sent)
        // From here on the receiver computes.
        #expect(pair.near.wait(timeout: .seconds(10)) { first.isComplete })
        withExtendedLifetime((filler, sent)) {}
    }

    @Test(arguments: transports) func `does not keep small messages waiting until its end`(over transport: String)
        throws
    {
        let pair = try EndpointPair(transport)
        let (near, far) = try pair.connect()
        let count = 32 << 20
        let (big, bigRoom) = (Payload(byteCount: count, seed: 1), Payload(byteCount: count))
        let (small, smallRoom) = (Payload(byteCount: 8, seed: 2), Payload(byteCount: 8))
        let bigReceive = try pair.far.receive(into: bigRoom.mutable, from: far)
        let smallReceive = try pair.far.receive(into: smallRoom.mutable, from: far)
        _ = try near.send(big.bytes)
        func here() -> Int { (0..<512).count { bigRoom.bytes[$0 << 16 + 100] == big.bytes[$0 << 16 + 100] } }
        pair.run("it has begun to come") { here() >= 64 }
        _ = try near.send(small.bytes)
        pair.run("small") { smallReceive.isComplete }
        #expect(!bigReceive.isComplete)
        pair.run("big") { bigReceive.isComplete }
    }
}
