import Handfast
import Testing

/// What goes on while a peer has not received what it was sent. Nothing here is received before the end of a test.
@Suite struct `Behind messages that nobody receives` {
    private static let small = ["HANDFAST_UNEXPECTED_BYTES": "64k"]

    /// Sends more than the peer holds.
    private func flood(_ connection: Connection, _ payload: Payload, count: Int = 1_000) throws -> [Request] {
        try (0..<count).map { _ in try connection.send(payload.bytes, tag: 1) }
    }

    private func receiveAll(_ sends: [Request], _ pair: EndpointPair, from far: Connection, byteCount: Int) throws {
        let room = Payload(byteCount: byteCount)
        for _ in sends { _ = try pair.finish(try pair.far.receive(into: room.mutable, from: far, tag: 1)) }
        for send in sends { _ = try pair.finish(send) }
    }

    @Test(arguments: transports) func `large ones before small ones are received in order`(transport: String) throws {
        let pair = try EndpointPair(transport)
        let (near, far) = try pair.connect()
        let payloads = [Payload(byteCount: 2 << 20, seed: 1)] + (0..<40).map { Payload(byteCount: 900_000, seed: $0) }
        let sends = try payloads.map { try near.send($0.bytes) }
        for payload in payloads {
            let room = Payload(byteCount: payload.byteCount)
            _ = try pair.finish(try pair.far.receive(into: room.mutable, from: far))
            #expect(room == payload)
        }
        for send in sends { _ = try pair.finish(send) }
    }

    @Test(arguments: transports) func `a receive of a later one completes`(transport: String) throws {
        let pair = try EndpointPair(transport, Self.small)
        let (near, far) = try pair.connect()
        let payload = Payload(byteCount: 8_000, seed: 1)
        let sends = try flood(near, payload, count: 40)
        let other = Payload(byteCount: 3_000, seed: 2)
        let last = try near.send(other.bytes, tag: 2)
        let room = Payload(byteCount: 3_000)
        _ = try pair.finish(try pair.far.receive(into: room.mutable, from: far, tag: 2))
        #expect(room == other)
        _ = try pair.finish(last)
        try receiveAll(sends, pair, from: far, byteCount: 8_000)
    }

    @Test(arguments: transports) func `a large send back completes when it is received`(transport: String) throws {
        let pair = try EndpointPair(transport, Self.small)
        let (near, far) = try pair.connect()
        let payload = Payload(byteCount: 900, seed: 1)
        let sends = try flood(near, payload)
        let large = Payload(byteCount: 3 << 20, seed: 2)
        let room = Payload(byteCount: large.byteCount)
        let receive = try pair.near.receive(into: room.mutable, from: near)
        _ = try pair.finish(try far.send(large.bytes))
        _ = try pair.finish(receive)
        #expect(room == large)
        try receiveAll(sends, pair, from: far, byteCount: 900)
    }

    @Test(arguments: transports) func `one-sided operations of both sides complete`(transport: String) throws {
        let pair = try EndpointPair(transport, Self.small)
        let (near, far) = try pair.connect()
        let (nearMemory, farMemory) = (Payload(byteCount: 4_096), Payload(byteCount: 4_096))
        let nearRegion = try pair.near.register(memory: nearMemory.mutable, permissions: [.read, .write])
        let farRegion = try pair.far.register(memory: farMemory.mutable, permissions: [.read, .write])
        let payload = Payload(byteCount: 900, seed: 1)
        let sends = try flood(near, payload)
        let data = Payload(byteCount: 4_096, seed: 3)
        for (connection, key, memory) in [(near, farRegion.key, farMemory), (far, nearRegion.key, nearMemory)] {
            _ = try pair.finish(try connection.put(data.bytes, to: try RemoteMemory(key: key)))
            _ = try pair.finish(try connection.flush())
            #expect(memory == data)
        }
        try receiveAll(sends, pair, from: far, byteCount: 900)
    }

    @Test(arguments: transports) func `scatter lists and copies arrive whole`(transport: String) throws {
        let pair = try EndpointPair(transport, Self.small)
        let (near, far) = try pair.connect()
        let payload = Payload(byteCount: 700_000, seed: 1)
        let pieces = [0..<10, 10..<10, 10..<300_001, 300_001..<700_000].map {
            UnsafeRawBufferPointer(rebasing: payload.bytes[$0])
        }
        let scattered = try (0..<4).map { _ in try near.send(pieces: pieces) }
        let copied = Payload(byteCount: 20_000, seed: 2)
        for _ in 0..<4 { try near.sendCopy(copied.bytes) }
        for expected in [payload, payload, payload, payload, copied, copied, copied, copied] {
            let room = Payload(byteCount: expected.byteCount)
            _ = try pair.finish(try pair.far.receive(into: room.mutable, from: far))
            #expect(room == expected)
        }
        for send in scattered { _ = try pair.finish(send) }
        withExtendedLifetime(payload) {}
    }

    @Test(arguments: transports) func `another connection goes on, however many are at their bound`(transport: String)
        throws
    {
        let pair = try EndpointPair(transport, Self.small)
        let payload = Payload(byteCount: 900, seed: 1)
        let connections = try (0..<8).map { _ in try pair.connect() }
        let sends = try connections.map { try flood($0.near, payload, count: 100) }
        for _ in 0..<1_000 { pair.driveBoth() }
        let (near, far) = try pair.connect()
        let many = try (0..<200).map { _ in try near.send(payload.bytes, tag: 2) }
        let room = Payload(byteCount: 900)
        for _ in many { _ = try pair.finish(try pair.far.receive(into: room.mutable, from: far, tag: 2)) }
        for send in many { _ = try pair.finish(send) }
        for (connection, sends) in zip(connections, sends) {
            try receiveAll(sends, pair, from: connection.far, byteCount: 900)
        }
    }

    @Test(arguments: transports) func `together no more is kept than the bound and a little for each connection`(
        transport: String
    ) throws {
        let pair = try EndpointPair(transport, ["HANDFAST_UNEXPECTED_BYTES": "256k"])
        let payload = Payload(byteCount: 900, seed: 1)
        let connections = try (0..<8).map { _ in try pair.connect() }
        let sends = try connections.map { try flood($0.near, payload) }
        for _ in 0..<10_000 { pair.driveBoth() }
        var count = 0
        while let message = try pair.far.takeMessage() {
            count += 1
            withExtendedLifetime(message) {}
            guard count < 8_000 else { break }
        }
        // 64 KiB for each to begin with, and 256 KiB for all.
        let bound = 8 * 65_536 + 262_144
        #expect(count * 900 <= bound && count * 900 > bound / 2)
        withExtendedLifetime((payload, sends)) {}
    }

    @Test(arguments: transports) func `both sides close in order`(transport: String) throws {
        let pair = try EndpointPair(transport, Self.small)
        let (near, far) = try pair.connect()
        let payload = Payload(byteCount: 900, seed: 1)
        let sends = try flood(near, payload) + flood(far, payload)
        near.close()
        far.close()
        pair.run("both are closed") { near.state == .closed && far.state == .closed }
        for send in sends { #expect(send.isComplete) }
    }

    @Test(arguments: transports) func `the sender's requests end when the peer closes`(transport: String) throws {
        let pair = try EndpointPair(transport, Self.small)
        let (near, far) = try pair.connect()
        let payload = Payload(byteCount: 900, seed: 1)
        let sends = try flood(near, payload)
        for _ in 0..<100 { pair.driveBoth() }
        far.close()
        pair.run("both are closed") { near.state == .closed && far.state == .closed }
        for send in sends { #expect(send.isComplete) }
        near.close()
    }

    @Test(arguments: everyTransport) func `both close at once, and nothing waits for the other`(transport: String)
        throws
    {
        let pair = try EndpointPair(transport, ["HANDFAST_CLOSE_TIMEOUT_MS": "3600000"])
        let (near, far) = try pair.connect()
        let payload = Payload(byteCount: 300_000, seed: 1)
        let pieces = [payload.bytes, payload.bytes]
        let sends = try [
            near.send(payload.bytes), far.send(payload.bytes), near.send(pieces: pieces), far.send(pieces: pieces),
        ]
        for _ in 0..<100 { pair.driveBoth() }
        near.close()
        far.close()
        pair.run("both are closed") { near.state == .closed && far.state == .closed }
        for send in sends { #expect(send.isComplete) }
        withExtendedLifetime(payload) {}
    }

    @Test(arguments: transports) func `a goodbye goes out when the send before it is cancelled`(transport: String)
        throws
    {
        let pair = try EndpointPair(transport, Self.small.merging(["HANDFAST_CLOSE_TIMEOUT_MS": "3600000"]) { $1 })
        let (near, far) = try pair.connect()
        let payload = Payload(byteCount: 900, seed: 1)
        let sends = try flood(near, payload)
        for _ in 0..<1_000 { pair.driveBoth() }
        near.close()
        for send in sends where !send.isComplete { send.cancel() }
        pair.run("the peer hears the goodbye") { far.state != .connected }
        far.close()
        pair.run("both are closed") { near.state == .closed && far.state == .closed }
        withExtendedLifetime(payload) {}
    }

    @Test(arguments: transports) func `peers that come, send and vanish are turned away at last`(transport: String)
        throws
    {
        let log = LogCapture()
        let pair = try EndpointPair(transport, Self.small, logger: log.logger)
        let address = try #require(pair.far.address)
        let payload = Payload(byteCount: 900, seed: 1)
        var count = 0
        func isRefused() -> Bool { log.lines.contains { $0.contains("that it has not received") } }
        while !isRefused() {
            try #require(count < 100, "each of them may send 16 KiB, and 64 KiB is the bound")
            var other: Endpoint? = try Endpoint(
                name: "other", transports: definitions,
                environment: ["HANDFAST_TRANSPORTS": transport])
            let connection = try #require(try other?.connect(to: address))
            pair.run("it is connected or refused") {
                other?.progress()
                return connection.state != .connecting || isRefused()
            }
            if connection.state == .connected { _ = try flood(connection, payload, count: 20) }
            for _ in 0..<20 {
                other?.progress()
                pair.far.progress()
            }
            other = nil
            for _ in 0..<100 { pair.far.progress() }
            count += 1
        }
        // What was kept can be received, and then there is room again.
        while let message = try pair.far.takeMessage() { message.drop() }
        _ = try pair.connect()
        withExtendedLifetime(payload) {}
    }
}
