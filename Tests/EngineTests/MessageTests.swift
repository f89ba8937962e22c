import Handfast
import Testing

@Suite struct `Messages between two endpoints` {
    @Test(arguments: transports, [0, 1, 7, 8, 100, 4_096, 100_000, 5_000_000])
    func `arrive with their header and payload`(transport: String, byteCount: Int) throws {
        let pair = try EndpointPair(transport)
        let (near, _) = try pair.connect()
        let sent = Payload(byteCount: byteCount, seed: 1)
        let room = Payload(byteCount: byteCount)
        let header = Payload(byteCount: 12, seed: 2)
        let headerRoom = Payload(byteCount: 12)
        let receive = try pair.far.receive(into: room.mutable, header: headerRoom.mutable)
        let send = try near.send(sent.bytes, header: header.bytes)
        let completion = try pair.finish(receive)
        _ = try pair.finish(send)
        #expect(completion.byteCount == byteCount)
        #expect(completion.headerByteCount == 12)
        #expect(room == sent)
        #expect(headerRoom == header)
    }

    @Test(arguments: transports, [0, 1, 4_096, 3_000_000])
    func `wait for their receive`(transport: String, byteCount: Int) throws {
        let pair = try EndpointPair(transport)
        let (near, far) = try pair.connect()
        let sent = (0..<3).map { Payload(byteCount: byteCount + $0, seed: UInt64($0)) }
        let sends = try sent.map { try near.send($0.bytes) }
        for _ in 0..<100 { pair.driveBoth() }
        for message in sent {
            let room = Payload(byteCount: byteCount + 3)
            let completion = try pair.finish(try pair.far.receive(into: room.mutable, from: far))
            #expect(completion.byteCount == message.byteCount)
            #expect(room.starts(with: message))
        }
        for send in sends { _ = try pair.finish(send) }
    }
}
