import Handfast
import Testing

/// Sends of eight bytes, which every transport takes at once.
@Suite struct `A request that was complete at once` {
    private struct Scene {
        let pair: OneSidedPair
        let payload = Payload(byteCount: 8, seed: 1)

        init(_ transport: String) throws { pair = try OneSidedPair(transport) }

        func send() throws -> Request {
            let request = try pair.connection.send(payload.bytes)
            try #require(request.isComplete)
            return request
        }

        func expectStale(_ body: () throws -> Void) {
            let error = #expect(throws: HandfastError.self) { try body() }
            #expect(error?.code == .stale)
        }

        /// Whatever took the result of the request, nothing takes it again.
        func expectUsed(_ request: Request) throws {
            let queue = try pair.near.makeCompletionQueue()
            expectStale { _ = try request.result() }
            expectStale { _ = try pair.near.wait(for: request) }
            expectStale { _ = try pair.near.wait(forAny: [request]).result.get() }
            expectStale { _ = try pair.near.wait(forAll: [request])[0].get() }
            expectStale { try queue.add(request, context: 1) }
            #expect(queue.openCount == 0)
            expectStale { try pair.near.whenComplete(request) { _ in Issue.record("it is called") } }
            pair.drive(1)
            #expect(!request.cancel() && request.isComplete)
        }
    }

    @Test(arguments: OneSidedPair.transports) func `gives its result once`(transport: String) throws {
        let scene = try Scene(transport)
        let taken = try scene.send()
        #expect(try taken.result()?.byteCount == 8)
        try scene.expectUsed(taken)
        let waited = try scene.send()
        #expect(try scene.pair.near.wait(for: waited).byteCount == 8)
        try scene.expectUsed(waited)
        let inPieces = try scene.pair.connection.send(pieces: [scene.payload.bytes])
        #expect(try inPieces.result()?.byteCount == 8)
        try scene.expectUsed(inPieces)
        for flush in [try scene.pair.connection.flush(), try scene.pair.near.flush()] {
            _ = try flush.result()
            try scene.expectUsed(flush)
        }
    }

    @Test(arguments: OneSidedPair.transports) func `goes to one queue or callback, once`(transport: String) throws {
        let scene = try Scene(transport)
        let queue = try scene.pair.near.makeCompletionQueue()
        let queued = try scene.send()
        try queue.add(queued, context: 7)
        try scene.expectUsed(queued)
        #expect(queue.openCount == 1)
        let called = try scene.send()
        var callCount = 0
        try scene.pair.near.whenComplete(called) { _ in callCount += 1 }
        try scene.expectUsed(called)
        #expect(callCount == 1)
    }

    @Test(arguments: OneSidedPair.transports) func `is refused by another endpoint, and stays good`(transport: String)
        throws
    {
        let scene = try Scene(transport)
        let other = try Endpoint(name: "other", transports: definitions, environment: [:])
        let queue = try other.makeCompletionQueue()
        let send = try scene.send()
        for error in [
            #expect(throws: HandfastError.self) { try queue.add(send, context: 0) },
            #expect(throws: HandfastError.self) { try other.whenComplete(send) { _ in } },
        ] {
            #expect(error?.code == .invalidArgument)
        }
        #expect(queue.openCount == 0)
        #expect(try send.result()?.byteCount == 8)
        for use in [{ try queue.add(send, context: 0) }, { try other.whenComplete(send) { _ in } }] {
            scene.expectStale { try use() }
        }
    }

    @Test func `stays good, and its second use is found out, while 1,023 later ones are used`() throws {
        let scene = try Scene("loopback")
        let (early, used) = (try scene.send(), try scene.send())
        _ = try used.result()
        for _ in 0..<1_023 {
            scene.pair.drive(1)
            let room = Payload(byteCount: 8)
            let receive = try scene.pair.far.receive(into: room.mutable)
            _ = try scene.send().result()
            _ = try scene.pair.finish(receive)
        }
        scene.expectStale { _ = try used.result() }
        #expect(try early.result()?.byteCount == 8)
    }

    @Test func `of an endpoint that is gone fits none that comes after it`() throws {
        var scene: Scene? = try Scene("loopback")
        let sends = try (0..<10).map { _ in try scene!.send() }
        scene = nil
        // One of them has what the former one had.
        let next = try (0..<4).map { _ in try Scene("loopback") }
        for one in next {
            let queue = try one.pair.near.makeCompletionQueue()
            for send in sends {
                let error = #expect(throws: HandfastError.self) { try queue.add(send, context: 0) }
                #expect(error?.code == .invalidArgument)
            }
            let own = try (0..<10).map { _ in try one.send() }
            for send in own { #expect(try send.result()?.byteCount == 8) }
            #expect(queue.openCount == 0)
        }
    }
}
