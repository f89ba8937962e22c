@testable import Handfast
import Testing

@Suite struct `A payload that is sooner read` {
    /// - Parameter stays: with the sender until somebody receives it.
    private func send(_ byteCount: Int, stays: Bool, _ settings: [String: String] = [:]) throws {
        let pair = try EndpointPair(definitions: [OddTransport.definition], near: settings, far: settings)
        let (near, far) = try pair.connect()
        let (sent, room) = (Payload(byteCount: byteCount, seed: 1), Payload(byteCount: byteCount))
        let send = try near.send(sent.bytes)
        for _ in 0..<100 { pair.driveBoth() }
        #expect(send.isComplete == !stays)
        _ = try pair.finish(try pair.far.receive(into: room.mutable, from: far))
        _ = try pair.finish(send)
        #expect(room == sent)
    }

    @Test func `stays with its sender`() throws { try send(20_001, stays: true) }

    @Test func `is one of which the transport says so`() throws { try send(20_000, stays: false) }

    @Test func `is no short one`() throws { try send(16_383, stays: false) }

    @Test func `begins where the user wants it`() throws {
        try send(1_023, stays: false, ["HANDFAST_RENDEZVOUS_BYTES": "read=1k"])
        try send(1_025, stays: true, ["HANDFAST_RENDEZVOUS_BYTES": "read=1k"])
    }

    @Test func `leaves the credit as it is, which it does not lack`() throws {
        let pair = try EndpointPair(definitions: [OddTransport.definition], near: [:], far: [:])
        let (near, far) = try pair.connect()
        let (sent, room) = (Payload(byteCount: 20_001, seed: 1), Payload(byteCount: 20_001))
        let before = pair.far.state.pointee.reservedByteCount
        for _ in 0..<50 {
            let send = try near.send(sent.bytes)
            _ = try pair.finish(try pair.far.receive(into: room.mutable, from: far))
            _ = try pair.finish(send)
        }
        #expect(pair.far.state.pointee.reservedByteCount == before)
    }

    @Test func `keeps to what held when its connection came up`() throws {
        let pair = try EndpointPair(definitions: [OddTransport.definition], near: [:], far: [:])
        let (near, far) = try pair.connect()
        pair.near.rendezvous.channel = 32 << 10
        let (laterNear, laterFar) = try pair.connect()
        let (sent, room) = (Payload(byteCount: 40_000, seed: 1), Payload(byteCount: 40_000))
        let sends = [try near.send(sent.bytes), try laterNear.send(sent.bytes)]
        for _ in 0..<100 { pair.driveBoth() }
        #expect(sends.map(\.isComplete) == [true, false])
        for (send, connection) in zip(sends, [far, laterFar]) {
            _ = try pair.finish(try pair.far.receive(into: room.mutable, from: connection))
            _ = try pair.finish(send)
            #expect(room == sent)
        }
    }

    @Test func `is asked for where it cannot be read`() throws {
        let pair = try EndpointPair(definitions: [OddTransport.blindDefinition], near: [:], far: [:])
        let (near, far) = try pair.connect()
        let (sent, room) = (Payload(byteCount: 20_001, seed: 1), Payload(byteCount: 20_001))
        for _ in 0..<3 {
            let send = try near.send(sent.bytes)
            _ = try pair.finish(try pair.far.receive(into: room.mutable, from: far))
            _ = try pair.finish(send)
            #expect(room == sent)
            room.mutable.initializeMemory(as: UInt8.self, repeating: 0)
        }
    }

    @Test func `is so again when its connection on demand is made anew`() throws {
        let pair = try EndpointPair(definitions: [OddTransport.definition], near: [:], far: [:])
        try pair.near.listen(on: IPAddress("127.0.0.1"))
        let near = try pair.near.connect(to: try #require(pair.far.address), mode: .onDemand)
        let payloads = [20_001, 20_000].map { Payload(byteCount: $0, seed: 1) }
        for _ in 0..<3 {
            let far = try pair.far.connect(to: try #require(pair.near.address), mode: .onDemand)
            let sends = try payloads.map { try near.send($0.bytes) }
            pair.run("the second is out") { sends[1].isComplete }
            for _ in 0..<100 { pair.driveBoth() }
            #expect(!sends[0].isComplete)
            for (payload, send) in zip(payloads, sends) {
                let room = Payload(byteCount: payload.byteCount)
                _ = try pair.finish(try pair.far.receive(into: room.mutable, from: far))
                _ = try pair.finish(send)
                #expect(room == payload)
            }
            // Another one is announced, and lost.
            let lost = try near.send(payloads[0].bytes)
            for _ in 0..<100 { pair.driveBoth() }
            far.close()
            pair.run("the lost one has ended") { lost.isComplete }
            #expect(throws: HandfastError.self) { try lost.result() }
            pair.run("the connection is over") { near.state == .onDemand }
        }
    }

    @Test func `is one that a wait spins for, as long as it is there and the connection`() throws {
        let pair = try EndpointPair(definitions: [OddTransport.definition], near: [:], far: [:])
        let (near, far) = try pair.connect()
        let (sent, room) = (Payload(byteCount: 20_001, seed: 1), Payload(byteCount: 20_001))
        let sends = try (0..<2).map { _ in try near.send(sent.bytes) }
        #expect(pair.near.state.pointee.offeredByteCount == 40_002)
        _ = try pair.finish(try pair.far.receive(into: room.mutable, from: far))
        _ = try pair.finish(sends[0])
        #expect(pair.near.state.pointee.offeredByteCount == 20_001)
        far.close()
        pair.run("the connection is over") { sends[1].isComplete }
        #expect(pair.near.state.pointee.offeredByteCount == 0)
    }

    @Test func `takes 4 GB a second at least, of which a millisecond is waited for without sleep`() {
        func spin(_ usual: Int, _ byteCount: Int) -> Duration {
            Endpoint.spinDuration(.microseconds(usual), offeredByteCount: byteCount)
        }
        #expect(spin(50, 0) == .microseconds(50))
        #expect(spin(50, 1_000_000) == .microseconds(300))
        #expect(spin(50, 1 << 40) == .nanoseconds(50_000 + (1 << 20)))
        #expect(spin(0, 1_000_000) == .zero)
    }
}
