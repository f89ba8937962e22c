import Handfast
import LoopbackTransport
import Testing

@Suite struct `A wait for several requests` {
    /// An endpoint's receives from itself, and the sends that complete them: one thread drives both ends.
    private struct Loop {
        let endpoint: Endpoint
        let connection: Connection
        let rooms = (0..<5).map { _ in Payload(byteCount: 8) }
        let payload = Payload(byteCount: 8, seed: 1)
        let receives: [Request]

        init() throws {
            endpoint = try Endpoint(
                name: "self", transports: definitions + [LoopbackTransport.definition], environment: [:])
            connection = try endpoint.connect(to: try endpoint.listen(on: IPAddress("127.0.0.1")))
            try endpoint.wait(for: connection, timeout: .seconds(10))
            var receives: [Request] = []
            for (index, room) in rooms.enumerated() {
                receives.append(try endpoint.receive(into: room.mutable) { header, _ in Int(header[0]) == index })
            }
            self.receives = receives
        }

        func complete(_ index: Int, byteCount: Int = 8) throws {
            let long = Payload(byteCount: byteCount, seed: 1)
            let header = Payload(byteCount: 1)
            header.mutable[0] = UInt8(index)
            try connection.sendCopy(long.bytes, header: header.bytes)
        }
    }

    @Test func `for any takes the result of one and leaves the others alone`() throws {
        let loop = try Loop()
        try loop.complete(3)
        try loop.complete(1)
        #expect(
            loop.endpoint.wait(timeout: .seconds(10)) { loop.receives[1].isComplete && loop.receives[3].isComplete })
        let (index, result) = try loop.endpoint.wait(forAny: loop.receives, timeout: .seconds(10))
        #expect(index == 1)
        #expect(try result.get().byteCount == 8)
        #expect(try loop.receives[3].result()?.byteCount == 8)
        #expect(!loop.receives[0].isComplete)
        // One whose result was taken is complete, and says that it is stale.
        let (again, stale) = try loop.endpoint.wait(forAny: loop.receives, timeout: .seconds(10))
        #expect(again == 1)
        let error = #expect(throws: HandfastError.self) { try stale.get() }
        #expect(error?.code == .stale)
    }

    @Test func `for some takes all that are complete, failures among them`() throws {
        let loop = try Loop()
        try loop.complete(4, byteCount: 9)
        try loop.complete(0)
        #expect(
            loop.endpoint.wait(timeout: .seconds(10)) { loop.receives[0].isComplete && loop.receives[4].isComplete })
        let some = try loop.endpoint.wait(forSome: loop.receives, timeout: .seconds(10))
        #expect(some.map(\.index) == [0, 4])
        #expect(try some[0].result.get().byteCount == 8)
        let error = #expect(throws: HandfastError.self) { try some[1].result.get() }
        #expect(error?.code == .truncated)
        #expect(!loop.receives[1].isComplete)
    }

    @Test func `for all gives every result in order`() throws {
        let loop = try Loop()
        for index in [2, 0, 4, 1] { try loop.complete(index) }
        loop.receives[3].cancel()
        let all = try loop.endpoint.wait(forAll: loop.receives, timeout: .seconds(10))
        #expect(all.map { (try? $0.get())?.byteCount } == [8, 8, 8, nil, 8])
        #expect(try loop.endpoint.wait(forAll: [], timeout: .zero).isEmpty)
    }

    @Test func `takes nothing when the time is over`() throws {
        let loop = try Loop()
        try loop.complete(2)
        #expect(loop.endpoint.wait(timeout: .seconds(10)) { loop.receives[2].isComplete })
        let left = [loop.receives[2], loop.receives[0]]
        for attempt in [
            { _ = try loop.endpoint.wait(forAll: left, timeout: .milliseconds(5)) },
            { _ = try loop.endpoint.wait(forAny: [loop.receives[0]], timeout: .milliseconds(5)) },
            { _ = try loop.endpoint.wait(forSome: [loop.receives[1]], timeout: .zero) },
        ] {
            let error = #expect(throws: HandfastError.self) { try attempt() }
            #expect(error?.code == .timeout)
        }
        #expect(try loop.receives[2].result()?.byteCount == 8)
        try loop.complete(0)
        #expect(try loop.endpoint.wait(for: loop.receives[0], timeout: .seconds(10)).byteCount == 8)
    }

    @Test func `for any or some of none is a mistake`() throws {
        let loop = try Loop()
        for attempt in [
            { _ = try loop.endpoint.wait(forAny: []) }, { _ = try loop.endpoint.wait(forSome: []) },
        ] {
            let error = #expect(throws: HandfastError.self) { try attempt() }
            #expect(error?.code == .invalidArgument)
        }
    }
}
