import Handfast
import Testing

@Suite struct `The default handler` {
    @Test(arguments: everyTransport) func `gets what nobody posted a receive for, in order`(transport: String) throws {
        let pair = try EndpointPair(transport)
        let (near, far) = try pair.connect()
        var tags: [UInt64] = []
        pair.far.setDefaultHandler { message in
            if let info = try? message.info() { tags.append(info.connection == far ? info.tag : 0) }
        }
        let room = Payload(byteCount: 8)
        let receive = try pair.far.receive(into: room.mutable, tag: 3)
        for tag in 1...5 as ClosedRange<UInt64> { try send(near, tag) }
        pair.run("all have come") { tags.count == 4 && receive.isComplete }
        #expect(tags == [1, 2, 4, 5])
        #expect(try pair.far.probe() == nil, "what the handler leaves is dropped")
    }

    @Test(arguments: everyTransport) func `gets what waited before it was set, and nothing after it is taken away`(
        transport: String
    ) throws {
        let pair = try EndpointPair(transport)
        let (near, _) = try pair.connect()
        for tag in 1...3 as ClosedRange<UInt64> { try send(near, tag) }
        pair.run("they wait") { (try? pair.far.probe(tag: 3)) ?? nil != nil }
        var tags: [UInt64] = []
        pair.far.setDefaultHandler { message in
            if let info = try? message.info() { tags.append(info.tag) }
            if tags.count == 2 { pair.far.setDefaultHandler(nil) }
        }
        #expect(tags.isEmpty, "it is called by progress alone")
        pair.run("it was called") { tags.count == 2 }
        try send(near, 4)
        pair.run("the fourth waits") { (try? pair.far.probe(tag: 4)) ?? nil != nil }
        #expect(tags == [1, 2])
        #expect(try pair.far.probe()?.tag == 3)
    }

    @Test(arguments: everyTransport, [8, 3_000_000])
    func `may receive, answer and post`(transport: String, byteCount: Int) throws {
        let pair = try EndpointPair(transport)
        let (near, far) = try pair.connect()
        let payload = Payload(byteCount: byteCount, seed: 1)
        let (room, answer) = (Payload(byteCount: byteCount), Payload(byteCount: 8))
        var received: Request?
        var posted: Request?
        pair.far.setDefaultHandler { message in
            received = try? message.receive(into: room.mutable)
            posted = try? pair.far.receive(into: answer.mutable, from: far, tag: 9)
            _ = try? far.send(answer.bytes, tag: 8)
        }
        let answered = try pair.near.receive(into: answer.mutable, tag: 8)
        let sends = [try near.send(payload.bytes, tag: 1), try near.send(answer.bytes, tag: 9)]
        pair.run("all is done") {
            received?.isComplete == true && posted?.isComplete == true && answered.isComplete
        }
        #expect(room == payload)
        for send in sends { _ = try pair.finish(send) }
        pair.far.setDefaultHandler(nil)
    }

    @Test(arguments: everyTransport) func `shows whole messages where they lie`(transport: String) throws {
        let pair = try EndpointPair(transport, ["HANDFAST_UNEXPECTED_BYTES": "64k"])
        let (near, _) = try pair.connect()
        let payload = Payload(byteCount: 1_000, seed: 1)
        var count = 0
        pair.far.setDefaultHandler { message in
            let isSame = try? message.withBytes { $1.map { $0.elementsEqual(payload.bytes) } ?? false }
            if isSame == true { count += 1 }
        }
        // More than fit within the bound: the small ones wait at the sender and come whole.
        let sends = try (0..<40).map { _ in try near.send(payload.bytes) }
        pair.run("all have come") { count == 40 }
        for send in sends { _ = try pair.finish(send) }
    }

    @Test(arguments: everyTransport) func `gets what can never be kept without its payload`(transport: String) throws {
        let pair = try EndpointPair(transport, ["HANDFAST_UNEXPECTED_BYTES": "64k"])
        let (near, _) = try pair.connect()
        let payload = Payload(byteCount: 30_000, seed: 1)
        var wholes: [Bool] = []
        pair.far.setDefaultHandler { message in if let info = try? message.info() { wholes.append(info.isWhole) } }
        let messages = [payload, Payload(byteCount: 8), payload]
        let sends = try messages.map { try near.send($0.bytes) }
        pair.run("all have come") { wholes.count == 3 }
        #expect(wholes == [false, true, false])
        for send in sends { _ = try pair.finish(send) }
        withExtendedLifetime(messages) {}
    }

    @Test(arguments: everyTransport) func `keeps a message for later when it says so`(transport: String) throws {
        let pair = try EndpointPair(transport)
        let (near, _) = try pair.connect()
        var messages: [Message] = []
        pair.far.setDefaultHandler { message in
            if messages.isEmpty { try? message.keep() }
            messages.append(message)
        }
        try send(near, 1)
        try send(near, 2)
        pair.run("both have come") { messages.count == 2 }
        let room = Payload(byteCount: 8)
        #expect(try pair.finish(try messages[0].receive(into: room.mutable)).byteCount == 8)
        let stale = #expect(throws: HandfastError.self) { try messages[1].keep() }
        #expect(stale?.code == .stale)
    }

    @Test(arguments: everyTransport) func `is not called within itself`(transport: String) throws {
        let pair = try EndpointPair(transport)
        let (near, _) = try pair.connect()
        var (depth, deepest, count) = (0, 0, 0)
        pair.far.setDefaultHandler { _ in
            depth += 1
            deepest = max(deepest, depth)
            for _ in 0..<100 { pair.driveBoth() }
            _ = pair.far.wait(timeout: .milliseconds(1)) { false }
            depth -= 1
            count += 1
        }
        for tag in 1...3 as ClosedRange<UInt64> { try send(near, tag) }
        pair.run("all have come") { count == 3 }
        #expect(deepest == 1)
        pair.far.setDefaultHandler(nil)
    }

    @Test(arguments: everyTransport) func `may close the connection of its message`(transport: String) throws {
        let pair = try EndpointPair(transport)
        let (near, far) = try pair.connect()
        var isStillThere: Bool?
        pair.far.setDefaultHandler { message in
            far.close()
            isStillThere = try? message.withBytes { $1 != nil }
        }
        try send(near, 1)
        try send(near, 2)
        pair.run("both are closed") { near.state == .closed && far.state == .closed }
        #expect(isStillThere == true)
    }

    private func send(_ connection: Connection, _ tag: UInt64) throws {
        let payload = Payload(byteCount: 8)
        let request = try withExtendedLifetime(payload) { try connection.send(payload.bytes, tag: tag) }
        #expect(request.isComplete, "a small message goes out at once")
    }
}
