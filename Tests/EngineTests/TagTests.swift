import Handfast
import Testing

@Suite struct `Tags` {
    @Test(arguments: everyTransport) func `are compared in the bits of the mask alone`(transport: String) throws {
        let pair = try EndpointPair(transport)
        let (near, far) = try pair.connect()
        let rooms = (0..<4).map { _ in Payload(byteCount: 1) }
        let requests = [
            try pair.far.receive(into: rooms[0].mutable, from: far, tag: 0x1234),
            try pair.far.receive(into: rooms[1].mutable, tag: 0xff01, mask: 0xff),
            try pair.far.receive(into: rooms[2].mutable, from: far, tag: 1 << 63, mask: 1 << 63),
            try pair.far.receive(into: rooms[3].mutable, tag: 5, mask: 0),
        ]
        for (number, tag) in [(10, 7), (11, 1 << 63 | 9), (12, 0x5501), (13, 0x1234)] as [(UInt8, UInt64)] {
            try send(near, number, tag: tag)
        }
        for request in requests { _ = try pair.finish(request) }
        #expect(rooms.map { $0.bytes[0] } == [13, 12, 11, 10])
    }

    @Test(arguments: everyTransport, [0, 1, 3, 7, 8, 9])
    func `of a shorter header go on with zeros`(transport: String, byteCount: Int) throws {
        let pair = try EndpointPair(transport)
        let (near, _) = try pair.connect()
        let header = Payload(byteCount: byteCount)
        header.mutable.copyBytes(from: (0..<byteCount).map { UInt8($0 + 1) })
        let tag = (0..<min(byteCount, 8)).reduce(UInt64(0)) { $0 | UInt64($1 + 1) << (8 * UInt64($1)) }
        let (room, headerRoom) = (Payload(byteCount: 1), Payload(byteCount: byteCount))
        let other = try pair.far.receive(into: room.mutable, tag: tag ^ 1 << 56)
        let receive = try pair.far.receive(into: room.mutable, header: headerRoom.mutable, tag: tag)
        let empty = UnsafeRawBufferPointer(start: nil, count: 0)
        _ = try pair.finish(try near.send(empty, header: header.bytes))
        #expect(try pair.finish(receive).headerByteCount == byteCount)
        #expect(headerRoom == header)
        #expect(!other.isComplete)
    }

    @Test(arguments: everyTransport) func `and predicates and connections match in the order of the posts`(
        transport: String
    ) throws {
        let pair = try EndpointPair(transport)
        let (near, far) = try pair.connect()
        let rooms = (0..<4).map { _ in Payload(byteCount: 1) }
        let requests = [
            try pair.far.receive(into: rooms[0].mutable) { header, _ in header.first == 1 },
            try pair.far.receive(into: rooms[1].mutable, from: far, tag: 1),
            try pair.far.receive(into: rooms[2].mutable, tag: 1),
            try pair.far.receive(into: rooms[3].mutable, from: far),
        ]
        for number in 0..<4 as Range<UInt8> { try send(near, number, tag: 1) }
        for request in requests { _ = try pair.finish(request) }
        #expect(rooms.map { $0.bytes[0] } == [0, 1, 2, 3])
    }

    @Test(arguments: everyTransport) func `find messages that came first`(transport: String) throws {
        let pair = try EndpointPair(transport)
        let (near, far) = try pair.connect()
        for number in 0..<3 as Range<UInt8> { try send(near, number, tag: UInt64(number)) }
        let room = Payload(byteCount: 1)
        for (tag, connection) in [(2, nil), (0, far), (1, nil)] as [(UInt8, Connection?)] {
            _ = try pair.finish(try pair.far.receive(into: room.mutable, from: connection, tag: UInt64(tag)))
            #expect(room.bytes[0] == tag)
        }
    }

    @Test(arguments: everyTransport) func `of sends outlive the call when the message must wait`(transport: String)
        throws
    {
        let pair = try EndpointPair(transport)
        let near = try pair.near.connect(to: try #require(pair.far.address))
        let (one, big) = (Payload(byteCount: 1, seed: 1), Payload(byteCount: 3_000_000, seed: 2))
        let sends = [try near.send(one.bytes, tag: 77), try near.send(big.bytes, tag: 78)]
        let (room, bigRoom) = (Payload(byteCount: 1), Payload(byteCount: big.byteCount))
        let second = try pair.far.receive(into: bigRoom.mutable, tag: 78)
        let first = try pair.far.receive(into: room.mutable, tag: 77)
        #expect(try pair.finish(first).headerByteCount == 8)
        _ = try pair.finish(second)
        for send in sends { _ = try pair.finish(send) }
        #expect(room == one && bigRoom == big)
    }

    private func send(_ connection: Connection, _ number: UInt8, tag: UInt64) throws {
        let request = try [number].withUnsafeBytes { try connection.send($0, tag: tag) }
        #expect(request.isComplete, "a small message goes out at once")
    }
}
