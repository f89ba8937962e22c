import Handfast
import Testing

@Suite struct `Messages that were taken` {
    @Test(arguments: everyTransport, [0, 1, 4_096, 3_000_000])
    func `are out of reach of receives, and are received later`(transport: String, byteCount: Int) throws {
        let pair = try EndpointPair(transport)
        let (near, far) = try pair.connect()
        let sent = (0..<3).map { Payload(byteCount: byteCount + $0, seed: UInt64($0)) }
        let sends = try sent.map { try near.send($0.bytes, tag: UInt64($0.byteCount)) }
        let taken = try take(pair, UInt64(byteCount + 1))
        #expect(try pair.far.probe(tag: UInt64(byteCount + 1)) == nil)
        for index in [0, 2] {
            let room = Payload(byteCount: byteCount + 3)
            let completion = try pair.finish(try pair.far.receive(into: room.mutable, from: far))
            #expect(completion.byteCount == byteCount + index)
            #expect(room.starts(with: sent[index]))
        }
        let (room, header) = (Payload(byteCount: byteCount + 1), Payload(byteCount: 8))
        let completion = try pair.finish(try taken.receive(into: room.mutable, header: header.mutable))
        #expect(completion.connection == far && completion.headerByteCount == 8)
        #expect(room == sent[1])
        #expect(header.bytes.load(as: Int.self) == byteCount + 1)
        for send in sends { _ = try pair.finish(send) }
        #expect(throws: HandfastError.self) { try taken.receive(into: room.mutable) }
        #expect(throws: HandfastError.self) { try taken.info() }
        taken.drop()
    }

    @Test(arguments: everyTransport) func `tell of a room that is too small`(transport: String) throws {
        let pair = try EndpointPair(transport)
        let (near, far) = try pair.connect()
        for byteCount in [100, 3_000_000] {
            let payload = Payload(byteCount: byteCount, seed: 1)
            let send = try near.send(payload.bytes, tag: 1)
            let room = Payload(byteCount: 10)
            let request = try take(pair, 1).receive(into: room.mutable)
            pair.run("it is here") { request.isComplete && send.isComplete }
            let error = #expect(throws: HandfastError.self) { try request.result() }
            #expect(error?.truncation?.byteCount == byteCount && error?.truncation?.connection == far)
            #expect(payload.starts(with: room))
            _ = try send.result()
        }
    }

    @Test(arguments: everyTransport) func `are looked at where they lie`(transport: String) throws {
        let pair = try EndpointPair(transport)
        let (near, _) = try pair.connect()
        let payload = Payload(byteCount: 1_000, seed: 3)
        _ = try pair.finish(try near.send(payload.bytes, tag: 0x0201))
        let message = try take(pair, 0x0201)
        pair.run("it is whole") { (try? message.info().isWhole) == true }
        for _ in 0..<2 {
            let isSame = try message.withBytes { header, bytes in
                Array(header) == [1, 2, 0, 0, 0, 0, 0, 0] && bytes.map { $0.elementsEqual(payload.bytes) } == true
            }
            #expect(isSame)
        }
        message.drop()
        #expect(throws: HandfastError.self) { try message.withBytes { _, _ in } }
    }

    @Test(arguments: everyTransport) func `have no payload to look at while it is elsewhere`(transport: String) throws {
        let pair = try EndpointPair(transport, ["HANDFAST_UNEXPECTED_BYTES": "64k"])
        let (near, _) = try pair.connect()
        let payload = Payload(byteCount: 3_000_000, seed: 3)
        let send = try near.send(payload.bytes, tag: 1)
        let message = try take(pair, 1)
        #expect(try message.info().byteCount == payload.byteCount && message.info().isWhole == false)
        #expect(try message.withBytes { header, payload in header.count == 8 && payload == nil })
        let room = Payload(byteCount: payload.byteCount)
        _ = try pair.finish(try message.receive(into: room.mutable))
        _ = try pair.finish(send)
        #expect(room == payload)
    }

    /// Small, arriving or remote, and held back in the stream.
    @Test(arguments: everyTransport, [(10, "64m"), (3_000_000, "64m"), (3_000_000, "64k"), (30_000, "64k")])
    func `are dropped, and what comes after them arrives`(transport: String, message: (Int, String)) throws {
        let pair = try EndpointPair(transport, ["HANDFAST_UNEXPECTED_BYTES": message.1])
        let (near, _) = try pair.connect()
        let payload = Payload(byteCount: message.0, seed: 3)
        let dropped = try near.send(payload.bytes, tag: 1)
        let after = try near.send(payload.bytes, tag: 2)
        let message = try take(pair, 1)
        message.drop()
        message.drop()
        let room = Payload(byteCount: payload.byteCount)
        _ = try pair.finish(try pair.far.receive(into: room.mutable, tag: 2))
        #expect(room == payload)
        _ = try pair.finish(dropped)
        _ = try pair.finish(after)
        withExtendedLifetime(payload) {}
    }

    @Test(arguments: everyTransport) func `count against the bound until they are received or dropped`(
        transport: String
    )
        throws
    {
        let pair = try EndpointPair(transport, ["HANDFAST_UNEXPECTED_BYTES": "64k"])
        let (near, _) = try pair.connect()
        let payload = Payload(byteCount: 5_000, seed: 1)
        // One connection may hold a quarter, some of it for headers: two of these.
        var sends = try (0..<5 as Range<UInt64>).map { try near.send(payload.bytes, tag: $0) }
        let taken = try (0..<5 as Range<UInt64>).map { try take(pair, $0) }
        for _ in 0..<1_000 { pair.driveBoth() }
        #expect(try taken.map { try $0.info().isWhole } == [true, true, false, false, false])
        let room = Payload(byteCount: 5_000)
        _ = try pair.finish(try taken[3].receive(into: room.mutable))
        #expect(room == payload)
        // To receive what stayed with its sender made no room, so the next one stays there too.
        sends.append(try near.send(payload.bytes, tag: 5))
        let last = try take(pair, 5)
        #expect(try !last.info().isWhole)
        for message in taken[0...2] + [taken[4], last] { message.drop() }
        for _ in 0..<1_000 { pair.driveBoth() }
        sends.append(try near.send(payload.bytes, tag: 6))
        pair.run("there is room for the last") { ((try? pair.far.probe(tag: 6)) ?? nil)?.isWhole == true }
        for send in sends { _ = try pair.finish(send) }
        withExtendedLifetime(payload) {}
    }

    enum Ending: CaseIterable { case peerLost, closedHere }

    @Test(arguments: transports, Ending.allCases)
    func `stay when their connection ends if they are whole, and fail if not`(transport: String, ending: Ending) throws
    {
        let pair = try EndpointPair(transport, ["HANDFAST_UNEXPECTED_BYTES": "1g"])
        var other: Endpoint? = try Endpoint(
            name: "other", transports: definitions, environment: ["HANDFAST_TRANSPORTS": transport])
        let address = try #require(pair.far.address)
        let near = try #require(try other?.connect(to: address))
        pair.run("the connection is up") {
            other?.progress()
            return near.state == .connected
        }
        let (small, large) = (Payload(byteCount: 100, seed: 1), Payload(byteCount: 50_000_000))
        let sends = [try near.send(small.bytes, tag: 1), try near.send(large.bytes, tag: 2)]
        let (whole, partial) = (try take(pair, 1), try take(pair, 2))
        let far = try whole.info().connection
        switch ending {
        case .peerLost: other = nil
        case .closedHere: far.close()
        }
        pair.run("it is over") {
            other?.progress()
            do throws(HandfastError) { _ = try partial.info() } catch { return far.state == .closed }
            return false
        }
        let room = Payload(byteCount: large.byteCount)
        let error = #expect(throws: HandfastError.self) { try partial.receive(into: room.mutable) }
        #expect(error?.code == (ending == .peerLost ? .peerLost : .closed))
        let stale = #expect(throws: HandfastError.self) { try partial.receive(into: room.mutable) }
        #expect(stale?.code == .stale)
        // The slot of the connection goes to the next.
        far.close()
        pair.run("its handle is stale") {
            other?.progress()
            return far.peer == nil
        }
        let (_, next) = try pair.connect()
        #expect(try whole.withBytes { $1.map { $0.elementsEqual(small.bytes) } } == true)
        let completion = try #require(try whole.receive(into: room.mutable).result())
        #expect(completion.byteCount == 100 && room.starts(with: small))
        #expect(completion.connection == far && far != next)
        withExtendedLifetime((sends, small, large)) {}
    }

    @Test(arguments: everyTransport) func `keep the peer's goodbye waiting while they lie in its memory`(
        transport: String
    )
        throws
    {
        let pair = try EndpointPair(transport)
        let (near, far) = try pair.connect()
        let payload = Payload(byteCount: 3_000_000, seed: 2)
        let send = try near.send(payload.bytes, tag: 1)
        let message = try take(pair, 1)
        near.close()
        for _ in 0..<1_000 { pair.driveBoth() }
        let room = Payload(byteCount: payload.byteCount)
        _ = try pair.finish(try message.receive(into: room.mutable))
        _ = try pair.finish(send)
        #expect(room == payload)
        pair.run("both are closed") { near.state == .closed && far.state == .closed }
        #expect(far.error?.code == .closed)
    }

    @Test(arguments: everyTransport) func `are stale when their endpoint is gone`(transport: String) throws {
        var message: Message?
        do {
            let pair = try EndpointPair(transport)
            let (near, _) = try pair.connect()
            let payload = Payload(byteCount: 10)
            _ = try pair.finish(try near.send(payload.bytes, tag: 1))
            message = try take(pair, 1)
            withExtendedLifetime(payload) {}
        }
        let error = #expect(throws: HandfastError.self) { try message?.info() }
        #expect(error?.code == .stale)
        message?.drop()
    }

    private func take(_ pair: EndpointPair, _ tag: UInt64) throws -> Message {
        var message: Message?
        pair.run("the message is here") {
            message = (try? pair.far.takeMessage(tag: tag)) ?? nil
            return message != nil
        }
        return try #require(message)
    }
}
