import Handfast
import Testing

@Suite struct `Probes` {
    @Test(arguments: everyTransport) func `tell of the oldest message that is meant, and leave it`(transport: String)
        throws
    {
        let pair = try EndpointPair(transport)
        let (one, oneFar) = try pair.connect()
        let (other, otherFar) = try pair.connect()
        #expect(try pair.far.probe() == nil)
        try send(one, 3, tag: 7)
        try arrived(pair, 7, from: oneFar)
        try send(other, 4, tag: 8)
        try arrived(pair, 8, from: otherFar)
        try send(one, 5, tag: 8)
        try arrived(pair, 8, from: oneFar)
        let header = Payload(byteCount: 3)
        let oldest = try #require(try pair.far.probe(header: header.mutable))
        #expect(oldest.connection == oneFar && oldest.tag == 7 && oldest.headerByteCount == 8 && oldest.byteCount == 3)
        #expect(oldest.isWhole && Array(header.bytes) == [7, 0, 0])
        #expect(try pair.far.probe(tag: 8)?.byteCount == 4)
        #expect(try pair.far.probe(from: oneFar, tag: 8)?.byteCount == 5)
        #expect(try pair.far.probe(tag: 0xf8, mask: 0xf)?.byteCount == 4)
        #expect(try pair.far.probe(from: otherFar, tag: 7) == nil)
        #expect(try pair.far.probe { header, from in header[0] == 8 && from == oneFar }?.byteCount == 5)
        #expect(try pair.far.probe() == oldest)
    }

    @Test(arguments: everyTransport) func `do not find what a posted receive has matched`(transport: String) throws {
        let pair = try EndpointPair(transport)
        let (near, _) = try pair.connect()
        let room = Payload(byteCount: 1)
        let receive = try pair.far.receive(into: room.mutable, tag: 1)
        try send(near, 1, tag: 1)
        _ = try pair.finish(receive)
        #expect(try pair.far.probe() == nil)
    }

    @Test(arguments: everyTransport) func `wait for a message, and no longer than they may`(transport: String) throws {
        let pair = try EndpointPair(transport)
        let (near, far) = try pair.connect()
        #expect(try pair.far.probe(timeout: .milliseconds(1)) == nil)
        #expect(try pair.far.takeMessage(from: far, tag: 1, timeout: .milliseconds(1)) == nil)
        try send(near, 2, tag: 1)
        #expect(try pair.far.probe(tag: 1, timeout: nil)?.byteCount == 2)
        try send(near, 3, tag: 2)
        #expect(try pair.far.takeMessage(from: far, tag: 2, timeout: .seconds(10))?.info().byteCount == 3)
    }

    @Test(arguments: everyTransport) func `of a connection that has ended find what came before, then throw`(
        transport: String
    ) throws {
        let pair = try EndpointPair(transport)
        let (near, far) = try pair.connect()
        try send(near, 2, tag: 1)
        near.close()
        pair.run("it has ended") { far.state == .closed }
        #expect(try pair.far.probe(from: far, tag: 1)?.byteCount == 2)
        let none = #expect(throws: HandfastError.self) { try pair.far.probe(from: far, tag: 2, timeout: nil) }
        #expect(none?.code == .closed)
        far.close()
        let stale = #expect(throws: HandfastError.self) { try pair.far.probe(from: far) }
        #expect(stale?.code == .stale)
    }

    private func arrived(_ pair: EndpointPair, _ tag: UInt64, from connection: Connection) throws {
        pair.run("it has arrived") { (try? pair.far.probe(from: connection, tag: tag)) ?? nil != nil }
    }

    private func send(_ connection: Connection, _ byteCount: Int, tag: UInt64) throws {
        let payload = Payload(byteCount: byteCount)
        let request = try withExtendedLifetime(payload) { try connection.send(payload.bytes, tag: tag) }
        #expect(request.isComplete, "a small message goes out at once")
    }
}
