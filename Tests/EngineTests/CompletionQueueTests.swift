import Handfast
import Testing

@Suite struct `A completion queue` {
    @Test(arguments: everyTransport, [8, 4_096, 1_000_000])
    func `tells of sends and receives with their contexts`(transport: String, byteCount: Int) throws {
        let pair = try EndpointPair(transport)
        let (near, _) = try pair.connect()
        let (sendings, receivings) = (try pair.near.makeCompletionQueue(), try pair.far.makeCompletionQueue())
        let payloads = (0..<5).map { Payload(byteCount: byteCount, seed: UInt64($0)) }
        let rooms = (0..<5).map { _ in Payload(byteCount: byteCount) }
        for index in 0..<5 {
            try pair.far.receive(into: rooms[index].mutable, to: receivings, context: UInt64(100 + index))
            try near.send(payloads[index].bytes, to: sendings, context: UInt64(index))
        }
        #expect(sendings.openCount == 5 && receivings.openCount == 5)
        let (sent, received) = (try pair.take(5, from: sendings), try pair.take(5, from: receivings))
        // Reads of large payloads may end in another order.
        #expect(sent.map(\.context).sorted() == [0, 1, 2, 3, 4])
        #expect(received.map(\.context).sorted() == [100, 101, 102, 103, 104])
        #expect((sent + received).allSatisfy { $0.error == nil && $0.completion.byteCount == byteCount })
        #expect(received.allSatisfy { $0.completion.connection != nil })
        #expect(rooms == payloads)
        #expect(sendings.openCount == 0 && receivings.openCount == 0)
        withExtendedLifetime(payloads) {}
    }

    @Test func `gives results in the order of completion, in batches of the caller's size`() throws {
        let pair = try EndpointPair("shm")
        let (near, far) = try pair.connect()
        let queue = try pair.far.makeCompletionQueue()
        let rooms = (0..<10).map { _ in Payload(byteCount: 8) }
        // The last that was posted wants the first that comes.
        for index in 0..<10 {
            try pair.far.receive(
                into: rooms[index].mutable, from: far, where: { header, _ in Int(header[0]) == index }, to: queue,
                context: UInt64(index))
        }
        let payload = Payload(byteCount: 8, seed: 1)
        for index in (0..<10).reversed() {
            let header = Payload(byteCount: 1)
            header.mutable[0] = UInt8(index)
            _ = try pair.finish(try near.send(payload.bytes, header: header.bytes))
        }
        pair.run("all are received") { queue.openCount == 10 && rooms[0] == payload }
        var batches: [[UInt64]] = []
        var entries = [CompletionEntry](repeating: CompletionEntry(), count: 4)
        while !queue.isEmpty {
            let count = entries.withUnsafeMutableBufferPointer { queue.poll(into: $0) }
            batches.append(entries.prefix(count).map(\.context))
        }
        #expect(batches == [[9, 8, 7, 6], [5, 4, 3, 2], [1, 0]])
    }

    @Test func `has errors in its entries`() throws {
        let pair = try EndpointPair("shm")
        let (near, far) = try pair.connect()
        let queue = try pair.far.makeCompletionQueue()
        let rooms = (0..<3).map { _ in Payload(byteCount: 4) }
        try pair.far.receive(into: rooms[0].mutable, from: far, to: queue, context: 0)
        let cancelled = try pair.far.receive(into: rooms[1].mutable, from: far, to: queue, context: 1)
        try pair.far.receive(into: rooms[2].mutable, from: far, to: queue, context: 2)
        #expect(cancelled.cancel())
        let long = Payload(byteCount: 100, seed: 1)
        _ = try pair.finish(try near.send(long.bytes))
        pair.run("the message is there") { queue.openCount == 3 && rooms[0].bytes.elementsEqual(long.bytes.prefix(4)) }
        near.close()
        let entries = try pair.take(3, from: queue)
        #expect(entries.map(\.context) == [1, 0, 2])
        #expect(entries.map(\.error?.code) == [.cancelled, .truncated, .closed])
        #expect(entries.map(\.completion.byteCount) == [0, 100, 0])
        #expect(throws: HandfastError.self) { try entries[0].result.get() }
    }

    @Test func `takes requests that were made without it, complete or not`() throws {
        let pair = try EndpointPair("tcp")
        let (near, far) = try pair.connect()
        let (sendings, receivings) = (try pair.near.makeCompletionQueue(), try pair.far.makeCompletionQueue())
        let (payload, room) = (Payload(byteCount: 9, seed: 1), Payload(byteCount: 9))
        let receive = try pair.far.receive(into: room.mutable, from: far)
        try receivings.add(receive, context: 1)
        let send = try near.send(payload.bytes)
        #expect(send.isComplete)
        try sendings.add(send, context: 2)
        #expect(!sendings.isEmpty)
        #expect(try pair.take(1, from: sendings)[0].completion.byteCount == 9)
        #expect(try pair.take(1, from: receivings)[0].context == 1)
        #expect(room == payload)
    }

    @Test func `has its requests to itself`() throws {
        let pair = try EndpointPair("tcp")
        let (near, far) = try pair.connect()
        let (queue, other) = (try pair.far.makeCompletionQueue(), try pair.near.makeCompletionQueue())
        let room = Payload(byteCount: 8)
        let receive = try pair.far.receive(into: room.mutable, from: far, to: queue, context: 1)
        for attempt in [
            { _ = try receive.result() }, { try queue.add(receive, context: 2) },
            { try other.add(receive, context: 2) },
            { try near.send(room.bytes, to: queue, context: 1) },
            { _ = try pair.near.receive(into: room.mutable, to: queue, context: 1) },
        ] {
            let error = #expect(throws: HandfastError.self) { try attempt() }
            #expect(error?.code == .invalidArgument)
        }
        #expect(queue.openCount == 1)
        receive.cancel()
        #expect(try pair.take(1, from: queue)[0].error?.code == .cancelled)
    }

    @Test(arguments: everyTransport) func `that is closed lets go of what is in it`(transport: String) throws {
        let pair = try EndpointPair(transport)
        let (near, far) = try pair.connect()
        let (queue, sendings) = (try pair.far.makeCompletionQueue(), try pair.near.makeCompletionQueue())
        let (large, room) = (Payload(byteCount: 5_000_000, seed: 1), Payload(byteCount: 5_000_000))
        // One is complete, one arriving or sent, one not matched.
        let cancelled = try pair.far.receive(into: room.mutable, from: far, to: queue, context: 1)
        cancelled.cancel()
        try pair.far.receive(into: room.mutable, from: far, to: queue, context: 2)
        try near.send(large.bytes, to: sendings, context: 1)
        for _ in 0..<3 { pair.driveBoth() }
        let unmatched = try pair.far.receive(into: room.mutable, from: far, to: queue, context: 3)
        queue.close()
        sendings.close()
        queue.close()
        var entry = CompletionEntry()
        #expect(withUnsafeMutablePointer(to: &entry) { queue.poll(into: .init(start: $0, count: 1)) } == 0)
        #expect(queue.isEmpty && queue.openCount == 0)
        #expect(unmatched.isComplete && !unmatched.cancel())
        #expect(throws: HandfastError.self) { try near.send(large.bytes, to: queue, context: 1) }
        // The connection is as good as before.
        pair.run("the large message has come") { room == large }
        try pair.pingPong(near, far)
    }

    @Test func `outlives its endpoint as a handle that has nothing`() throws {
        var queue: CompletionQueue?
        try {
            let pair = try EndpointPair("shm")
            let (near, far) = try pair.connect()
            let made = try pair.far.makeCompletionQueue()
            queue = made
            let room = Payload(byteCount: 8)
            for context in 0..<100 as Range<UInt64> {
                try pair.far.receive(into: room.mutable, from: context % 2 == 0 ? far : nil, to: made, context: context)
            }
            near.close()
            pair.run("half have failed") { !made.isEmpty }
        }()
        let left = try #require(queue)
        #expect(left.isEmpty && left.openCount == 0)
        left.close()
    }
}

extension EndpointPair {
    /// Drives both until so many results have come out of a queue.
    func take(_ count: Int, from queue: CompletionQueue) throws -> [CompletionEntry] {
        var taken: [CompletionEntry] = []
        var entries = [CompletionEntry](repeating: CompletionEntry(), count: 3)
        run("\(count) entries") {
            let polled = entries.withUnsafeMutableBufferPointer { queue.poll(into: $0) }
            taken += entries.prefix(polled)
            return taken.count >= count
        }
        try #require(taken.count == count)
        return taken
    }
}
