import Handfast
import Testing

@Suite struct `A long user header` {
    @Test(arguments: everyTransport, [65, 1_024, 65_503])
    func `arrives whole, whatever goes with it and whoever comes first`(transport: String, headerByteCount: Int) throws
    {
        let pair = try EndpointPair(transport)
        let (near, far) = try pair.connect()
        let header = Payload(byteCount: headerByteCount, seed: 1)
        // The last is a rendezvous everywhere.
        for (byteCount, isPosted) in [(0, true), (8, true), (8, false), (2_000_000, true), (2_000_000, false)] {
            let (payload, room) = (Payload(byteCount: byteCount, seed: 2), Payload(byteCount: byteCount))
            let headerRoom = Payload(byteCount: headerByteCount)
            var receive: Request?
            let post = { receive = try pair.far.receive(into: room.mutable, header: headerRoom.mutable, from: far) }
            if isPosted { try post() }
            let send = try near.send(payload.bytes, header: header.bytes)
            if !isPosted {
                var info: MessageInfo?
                pair.run("it is there") {
                    info = try? pair.far.probe(from: far)
                    return info != nil
                }
                #expect(info?.headerByteCount == headerByteCount && info?.byteCount == byteCount)
                try post()
            }
            let completion = try pair.finish(try #require(receive))
            _ = try pair.finish(send)
            #expect(completion.headerByteCount == headerByteCount && completion.byteCount == byteCount)
            #expect(headerRoom == header && room == payload)
        }
        try pair.pingPong(near, far)
    }

    @Test(arguments: everyTransport) func `of more than 65,503 bytes is refused with the limit, by all that send`(
        transport: String
    ) throws {
        let pair = try EndpointPair(transport)
        let (near, far) = try pair.connect()
        let queue = try pair.near.makeCompletionQueue()
        let (header, payload) = (Payload(byteCount: 65_504, seed: 1), Payload(byteCount: 8))
        for error in [
            #expect(throws: HandfastError.self) { try near.send(payload.bytes, header: header.bytes) },
            #expect(throws: HandfastError.self) { try near.send(pieces: [payload.bytes], header: header.bytes) },
            #expect(throws: HandfastError.self) { try near.sendCopy(payload.bytes, header: header.bytes) },
            #expect(throws: HandfastError.self) {
                try near.send(payload.bytes, header: header.bytes, to: queue, context: 0)
            },
        ] {
            #expect(error?.code == .invalidArgument)
            #expect(error?.message.contains("65504") == true && error?.message.contains("65503") == true)
        }
        #expect(Connection.maximumHeaderByteCount == 65_503 && queue.openCount == 0)
        try pair.pingPong(near, far)
    }
}
