import Handfast
import Testing

@Suite struct `A message that waits in the stream` {
    private let limits = ["HANDFAST_UNEXPECTED_BYTES": "64k", "HANDFAST_CLOSE_TIMEOUT_MS": "8000"]

    @Test(arguments: transports) func `does not keep its connection from closing in order`(transport: String) throws {
        let pair = try EndpointPair(transport, limits.merging(["HANDFAST_RENDEZVOUS_BYTES": "1024g"]) { $1 })
        let (near, far) = try pair.connect()
        let big = Payload(byteCount: 20_000_000, seed: 1)
        let send = try near.send(big.bytes)
        for _ in 0..<200 { pair.driveBoth() }
        let start = ContinuousClock.now
        far.close()
        pair.run("both are closed") { near.state == .closed && far.state == .closed }
        #expect(near.error?.code == .closed, "\(near.error as Any)")
        #expect(ContinuousClock.now - start < .seconds(4), "nobody waited for a deadline")
        #expect(send.isComplete)
        withExtendedLifetime(big) {}
    }

    @Test(arguments: transports) func `may be the next of very many`(transport: String) throws {
        let pair = try EndpointPair(transport, limits)
        let (near, far) = try pair.connect()
        let messages = (0..<600).map { Payload(byteCount: 16_384 + $0, seed: UInt64($0)) }
        let header = Payload(byteCount: 40, seed: 3)
        let sends = try messages.map { try near.send($0.bytes, header: header.bytes) }
        for _ in 0..<1_000 { pair.driveBoth() }
        #expect(far.state == .connected, "\(far.error as Any)")
        for message in messages {
            let room = Payload(byteCount: message.byteCount)
            let receive = try pair.far.receive(into: room.mutable)
            pair.run("it has come") { receive.isComplete }
            _ = try receive.result()
            try #require(room == message)
        }
        for send in sends { _ = try pair.finish(send) }
    }

    @Test(arguments: transports) func `lets the waiting thread sleep`(transport: String) throws {
        let pair = try EndpointPair(
            transport, limits.merging(["HANDFAST_SPIN_US": "0", "HANDFAST_RENDEZVOUS_BYTES": "1024g"]) { $1 })
        let (near, _) = try pair.connect()
        let big = Payload(byteCount: 20_000_000, seed: 1)
        let send = try near.send(big.bytes)
        for _ in 0..<500 { pair.driveBoth() }
        #expect(!send.isComplete)
        let before = processorTime()
        #expect(!pair.far.wait(timeout: .milliseconds(400)) { false })
        #expect(processorTime() - before < 0.1)
        withExtendedLifetime(big) {}
    }

    @Test(arguments: transports) func `does not hide that its sender is gone from who sends to it`(transport: String)
        throws
    {
        let pair = try EndpointPair(transport, limits.merging(["HANDFAST_RENDEZVOUS_BYTES": "1024g"]) { $1 })
        var other: Endpoint? = try Endpoint(
            name: "other", transports: definitions,
            environment: limits.merging(["HANDFAST_RENDEZVOUS_BYTES": "1024g"]) { $1 })
        let (connection, far) = try pair.join(try #require(other))
        let payloads = [Payload(byteCount: 20_000_000, seed: 1), Payload(byteCount: 20_000_000, seed: 2)]
        _ = try connection.send(payloads[0].bytes)
        let send = try far.send(payloads[1].bytes)
        for _ in 0..<500 {
            pair.far.progress()
            other?.progress()
        }
        #expect(!send.isComplete)
        other = nil
        pair.run("the send ends") { send.isComplete }
        let error = #expect(throws: HandfastError.self) { try send.result() }
        #expect(error?.code == .peerLost)
        withExtendedLifetime(payloads) {}
    }

    @Test(arguments: transports) func `is one in the end when only headers come, of payloads that stay with the sender`(
        transport: String
    ) throws {
        let pair = try EndpointPair(transport, limits.merging(["HANDFAST_RENDEZVOUS_BYTES": "1k"]) { $1 })
        let (near, far) = try pair.connect()
        let (payload, header) = (Payload(byteCount: 2_000, seed: 1), Payload(byteCount: 1_000, seed: 2))
        let sends = try (0..<200).map { _ in try near.send(payload.bytes, header: header.bytes) }
        var taken: [Message] = []
        for _ in 0..<2_000 {
            pair.driveBoth()
            while let message = try pair.far.takeMessage(from: far) { taken.append(message) }
        }
        // A quarter of the bound is one connection's, and one message may be beyond it.
        #expect((1...17).contains(taken.count), "\(taken.count)")
        var count = 0
        pair.run("all have come") {
            while let message = try? pair.far.takeMessage(from: far) { taken.append(message) }
            count += taken.count
            for message in taken { message.drop() }
            taken = []
            return count == sends.count
        }
        for send in sends { _ = try pair.finish(send) }
    }
}
