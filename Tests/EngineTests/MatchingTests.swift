import Handfast
import Testing

@Suite struct `Receives and messages` {
    @Test(arguments: everyTransport) func `asks a predicate once for each message`(transport: String) throws {
        let pair = try EndpointPair(transport)
        let (near, far) = try pair.connect()
        let (payload, room) = (Payload(byteCount: 8, seed: 1), Payload(byteCount: 8))
        var askedCount = 0
        let picky = try pair.far.receive(into: room.mutable, from: far) { _, _ in
            askedCount += 1
            return false
        }
        for _ in 0..<3 { _ = try pair.finish(try near.send(payload.bytes)) }
        pair.run("all three are there") { askedCount >= 3 }
        for _ in 0..<100 { pair.driveBoth() }
        #expect(askedCount == 3)
        picky.cancel()
        _ = try pair.finish(try pair.far.receive(into: room.mutable, from: far))
        #expect(room == payload)
    }

    @Test(arguments: everyTransport) func `match by header, in the order of either`(transport: String) throws {
        let pair = try EndpointPair(transport)
        let (near, far) = try pair.connect()
        let rooms = (0..<3).map { _ in Payload(byteCount: 1) }
        let two = try pair.far.receive(into: rooms[0].mutable, where: { header, _ in header.first == 2 })
        let any = try pair.far.receive(into: rooms[1].mutable, from: far)
        let last = try pair.far.receive(into: rooms[2].mutable)
        for tag in [1, 2, 3] as [UInt8] {
            try send(near, payload: [tag], header: [tag])
        }
        for request in [two, any, last] { _ = try pair.finish(request) }
        #expect(rooms.map { $0.bytes[0] } == [2, 1, 3])
    }

    @Test(arguments: everyTransport) func `match messages that came first, by header and connection`(transport: String)
        throws
    {
        let pair = try EndpointPair(transport)
        let (one, oneFar) = try pair.connect()
        let (other, otherFar) = try pair.connect()
        try send(one, payload: [1], header: [7])
        try send(other, payload: [2], header: [7])
        try send(other, payload: [3], header: [8])
        for _ in 0..<100 { pair.driveBoth() }
        let room = Payload(byteCount: 1)
        func receive(from connection: Connection?, tag: UInt8) throws -> (UInt8, Connection?) {
            let request = try pair.far.receive(into: room.mutable, from: connection) { header, _ in header.first == tag
            }
            let completion = try pair.finish(request)
            return (room.bytes[0], completion.connection)
        }
        for (from, tag, expected, connection) in [
            (nil, 8, 3, otherFar), (otherFar, 7, 2, otherFar), (nil, 7, 1, oneFar),
        ] as [(Connection?, UInt8, UInt8, Connection)] {
            let found = try receive(from: from, tag: tag)
            #expect(found.0 == expected)
            #expect(found.1 == connection)
        }
    }

    @Test(arguments: everyTransport) func `tell of a message that is too long, and keep what fits`(transport: String)
        throws
    {
        let pair = try EndpointPair(transport)
        let (near, far) = try pair.connect()
        let room = Payload(byteCount: 10)
        let first = try pair.far.receive(into: room.mutable, from: far)
        let second = try pair.far.receive(into: room.mutable, from: far)
        let long = Payload(byteCount: 300_000, seed: 5)
        _ = try near.send(long.bytes)
        pair.run("it has come") { first.isComplete }
        let error = #expect(throws: HandfastError.self) { try first.result() }
        #expect(error?.code == .truncated)
        #expect(error?.message.contains("300000") == true)
        let truncation = try #require(error?.truncation)
        #expect(truncation.byteCount == 300_000 && truncation.roomByteCount == 10)
        #expect(truncation.headerByteCount == 0 && truncation.headerRoomByteCount == nil)
        #expect(truncation.connection == far)
        #expect(long.starts(with: room))
        let next = Payload(byteCount: 4, seed: 6)
        _ = try near.send(next.bytes)
        let completion = try pair.finish(second)
        #expect(completion.byteCount == 4)
        #expect(room.starts(with: next))
    }

    @Test(arguments: everyTransport) func `tell of a header that is too long, and keep what fits`(transport: String)
        throws
    {
        let pair = try EndpointPair(transport)
        let (near, far) = try pair.connect()
        let (room, headerRoom) = (Payload(byteCount: 10), Payload(byteCount: 3))
        let receive = try pair.far.receive(into: room.mutable, header: headerRoom.mutable)
        try send(near, payload: [1, 2], header: [3, 4, 5, 6])
        pair.run("it has come") { receive.isComplete }
        let error = #expect(throws: HandfastError.self) { try receive.result() }
        let truncation = try #require(error?.truncation)
        #expect(truncation.byteCount == 2 && truncation.roomByteCount == 10)
        #expect(truncation.headerByteCount == 4 && truncation.headerRoomByteCount == 3)
        #expect(truncation.connection == far)
        #expect(Array(headerRoom.bytes) == [3, 4, 5] && Array(room.bytes[..<2]) == [1, 2])
    }

    @Test(arguments: everyTransport) func `are cancelled only before they match`(transport: String) throws {
        let pair = try EndpointPair(transport)
        let (near, far) = try pair.connect()
        let room = Payload(byteCount: 1)
        let cancelled = try pair.far.receive(into: room.mutable, from: far)
        #expect(cancelled.cancel())
        #expect(!cancelled.cancel())
        let error = #expect(throws: HandfastError.self) { try cancelled.result() }
        #expect(error?.code == .cancelled)
        let stale = #expect(throws: HandfastError.self) { try cancelled.result() }
        #expect(stale?.code == .stale)
        let kept = try pair.far.receive(into: room.mutable, from: far)
        try send(near, payload: [9], header: [])
        let completion = try pair.finish(kept)
        #expect(completion.byteCount == 1)
    }

    @Test(arguments: everyTransport) func `keep no more than the bound, and lose nothing for it`(transport: String)
        throws
    {
        let pair = try EndpointPair(transport, ["HANDFAST_UNEXPECTED_BYTES": "64k"])
        let (near, far) = try pair.connect()
        let messages = (0..<20).map { Payload(byteCount: 5_000 + $0, seed: UInt64($0)) }
        let big = Payload(byteCount: 20_000_000, seed: 99)
        let sends = try (messages + [big]).map { try near.send($0.bytes) }
        for _ in 0..<1_000 { pair.driveBoth() }
        // A connection may keep a quarter, some of it for headers: two of these, and the others wait at their sender.
        #expect(sends.map(\.isComplete).count { $0 } == 2)
        for message in messages + [big] {
            let room = Payload(byteCount: message.byteCount)
            let completion = try pair.finish(try pair.far.receive(into: room.mutable, from: far))
            #expect(completion.byteCount == message.byteCount)
            #expect(room == message)
        }
        for send in sends { _ = try pair.finish(send) }
    }

    @Test(arguments: everyTransport) func `keep the order of arrival when a message found no room`(transport: String)
        throws
    {
        let pair = try EndpointPair(
            transport, ["HANDFAST_UNEXPECTED_BYTES": "64k", "HANDFAST_RENDEZVOUS_BYTES": "1024g"])
        let (one, oneFar) = try pair.connect()
        let (other, _) = try pair.connect()
        let payload = Payload(byteCount: 10_000, seed: 1)
        // A connection may keep a quarter of the bound: the second stays with its sender.
        let sends = try [1, 2].map { try one.send(payload.bytes, tag: $0) }
        pair.run("the second has come") { (try? pair.far.probe(tag: 2)) ?? nil != nil }
        let last = try other.send(payload.bytes, tag: 3)
        pair.run("the third has come") { (try? pair.far.probe(tag: 3)) ?? nil != nil }
        #expect(try pair.far.probe(tag: 2)?.isWhole == false)
        let (room, header) = (Payload(byteCount: 10_000), Payload(byteCount: 8))
        _ = try pair.finish(try pair.far.receive(into: room.mutable, from: oneFar, tag: 1))
        for tag in [2, 3] as [UInt64] {
            _ = try pair.finish(try pair.far.receive(into: room.mutable, header: header.mutable))
            #expect(header.bytes.load(as: UInt64.self) == tag)
        }
        for send in sends + [last] { _ = try pair.finish(send) }
        withExtendedLifetime(payload) {}
    }

    private func send(_ connection: Connection, payload: [UInt8], header: [UInt8]) throws {
        try payload.withUnsafeBytes { payload in
            let request = try header.withUnsafeBytes { try connection.send(payload, header: $0) }
            #expect(request.isComplete, "a small message goes out at once")
        }
    }
}
