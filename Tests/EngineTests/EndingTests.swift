import Glibc
import Testing

@testable import Handfast
@testable import SharedMemoryTransport
import TransportAPI

@Suite struct `The end of a connection` {
    @Test(arguments: transports) func `comes in order after what was sent`(transport: String) throws {
        let pair = try EndpointPair(transport)
        let (near, far) = try pair.connect()
        let payload = Payload(byteCount: 2_000_000, seed: 3)
        let room = Payload(byteCount: 2_000_000)
        let send = try near.send(payload.bytes)
        near.close()
        for _ in 0..<100 { pair.driveBoth() }
        let completion = try pair.finish(try pair.far.receive(into: room.mutable, from: far))
        _ = try pair.finish(send)
        #expect(completion.byteCount == payload.byteCount)
        #expect(room == payload)
        pair.run("both are closed") { near.state == .closed && far.state == .closed }
        #expect(far.error?.code == .closed)
    }

    @Test(arguments: transports) func `ends the receives of the other side with a reason`(transport: String) throws {
        let pair = try EndpointPair(transport)
        let (near, far) = try pair.connect()
        let room = Payload(byteCount: 8)
        let receive = try pair.far.receive(into: room.mutable, from: far)
        near.close()
        pair.run("the receive ends") { receive.isComplete }
        #expect(throws: HandfastError.self) { try receive.result() }
        pair.run("the far side is closed") { far.state == .closed }
        let refused = #expect(throws: HandfastError.self) { try far.send(room.bytes) }
        #expect(refused?.code == .closed)
        let late = #expect(throws: HandfastError.self) { try pair.far.receive(into: room.mutable, from: far) }
        #expect(late?.code == .closed)
    }

    @Test(arguments: transports) func `makes handles stale once it was closed here`(transport: String) throws {
        let pair = try EndpointPair(transport)
        let (near, _) = try pair.connect()
        near.close()
        pair.run("it is gone") { near.peer == nil }
        #expect(near.state == .closed)
        let payload = Payload(byteCount: 1)
        let refused = #expect(throws: HandfastError.self) { try near.send(payload.bytes) }
        #expect(refused?.code == .stale)
    }

    @Test(arguments: transports) func `is noticed when the peer's endpoint is dropped`(transport: String) throws {
        let pair = try EndpointPair(transport)
        var other: Endpoint? = try Endpoint(name: "other", transports: definitions, environment: [:])
        let (connection, far) = try pair.join(try #require(other))
        let room = Payload(byteCount: 8)
        defer { withExtendedLifetime(room) {} }
        let receive = try pair.far.receive(into: room.mutable, from: far)
        other = nil
        pair.run("the receive ends") { receive.isComplete }
        withExtendedLifetime(room) {}
        let error = #expect(throws: HandfastError.self) { try receive.result() }
        #expect(error?.code == .peerLost)
        #expect(connection.state == .closed)
    }

    /// The peer makes no progress, as a process that is stopped.
    @Test(
        arguments: transports,
        [(8, "did not answer our goodbye within"), (1 << 20, "did not take or answer what was under way")])
    func `that the peer does not see is told in the log and by what could not end`(
        transport: String, kind: (byteCount: Int, reason: String)
    ) throws {
        let log = LogCapture()
        let settings = ["HANDFAST_TRANSPORTS": transport, "HANDFAST_CLOSE_TIMEOUT_MS": "20"]
        let pair = try EndpointPair(
            definitions: definitions, near: settings,
            far: settings.merging(["HANDFAST_RENDEZVOUS_BYTES": "64k"]) { $1 }, logger: log.logger)
        let (_, far) = try pair.connect()
        let payload = Payload(byteCount: kind.byteCount)
        let send = try far.send(payload.bytes)
        #expect(send.isComplete == (kind.byteCount == 8))
        far.close()
        #expect(pair.far.wait(timeout: .seconds(10)) { far.isStale })
        #expect(log.lines.count == 1 && log.lines[0].contains(kind.reason), "\(log.lines)")
        #expect(log.lines.first?.contains("0.02 seconds (HANDFAST_CLOSE_TIMEOUT_MS)") == true)
        guard kind.byteCount > 8 else { return }
        let error = #expect(throws: HandfastError.self) { try send.result() }
        #expect(error?.code == .timeout && error?.message.contains(kind.reason) == true, "\(error!)")
    }

    @Test func `by nonsense in shared memory is told as a broken rule, not as a peer that has vanished`() throws {
        let log = LogCapture()
        let pair = try EndpointPair("shm", logger: log.logger)
        let (near, far) = try pair.connect()
        try pair.pingPong(near, far)
        let room = Payload(byteCount: 1)
        let receive = try pair.far.receive(into: room.mutable, from: far)
        let channel = try #require(near.slot.pointee.channel).assumingMemoryBound(to: SharedMemoryChannel.self)
        // More bytes than a ring has, in each line that may be the next.
        let ring = PairMemory(channel.pointee.link.segment.memory.baseAddress!, role: .starter).outgoing
        for line in 1..<32 { ring.storeBytes(of: 1 << 40, toByteOffset: 64 * line, as: UInt64.self) }
        pair.run("the receive ends") { receive.isComplete }
        let error = #expect(throws: HandfastError.self) { try receive.result() }
        #expect(error?.code == .rejected && error?.systemError == EPROTO)
        #expect(error?.message.contains("broke a rule of the data path: what it wrote for shm") == true, "\(error!)")
        #expect(far.state == .closed && log.lines.count { $0.contains("connection dropped") } == 1)
    }

    @Test(arguments: transports) func `is told once, to the side that did not close`(transport: String) throws {
        let pair = try EndpointPair(transport)
        let connections = [try pair.connect(), try pair.connect()]
        #expect(pair.far.takeEvent() == nil)
        for (near, _) in connections { near.close() }
        pair.run("all are closed") { connections.allSatisfy { $0.near.state == .closed && $0.far.state == .closed } }
        let events = [try #require(pair.far.takeEvent()), try #require(pair.far.takeEvent())]
        #expect(Set(events.map(\.connection)) == Set(connections.map(\.far)))
        #expect(events.allSatisfy { $0.reason.code == .closed })
        #expect(pair.far.takeEvent() == nil)
        #expect(pair.near.takeEvent() == nil)
        connections[0].far.close()
        let refused = try pair.near.connect(
            to: try EndpointAddress(host: .loopback, port: try #require(pair.far.address).port, name: "else"))
        pair.run("it was refused") { refused.state == .closed }
        refused.close()
        #expect(pair.near.takeEvent() == nil, "nobody wants news of what was closed")
    }

    @Test func `says of each send whether the peer can have it`() throws {
        let pair = try EndpointPair("tcp")
        var other: Endpoint? = try Endpoint(name: "other", transports: definitions, environment: [:])
        try other?.listen(on: .loopback)
        let connection = try pair.near.connect(to: try #require(other?.address))
        pair.run("the connection is up") {
            other?.progress()
            return connection.state == .connected
        }
        // The peer knows of the first, and takes only so many of the others without a receive.
        let large = Payload(byteCount: 64 << 20)
        let small = Payload(byteCount: 1_000)
        let begun = try connection.send(large.bytes)
        #expect(!begun.isComplete)
        var queued = try connection.send(small.bytes)
        while queued.isComplete {
            _ = try queued.result()
            queued = try connection.send(small.bytes)
        }
        other = nil
        pair.run("both have failed") { begun.isComplete && queued.isComplete }
        let errors = [begun, queued].map { request in #expect(throws: HandfastError.self) { try request.result() } }
        #expect(errors[0]?.isUnsent == false)
        #expect(errors[1]?.isUnsent == true)
    }

    @Test(arguments: transports) func `leaves what came before it to be received`(transport: String) throws {
        let pair = try EndpointPair(transport)
        let (near, far) = try pair.connect()
        let payload = Payload(byteCount: 100, seed: 4)
        _ = try near.send(payload.bytes)
        near.close()
        pair.run("the far side is closed") { far.state == .closed }
        let room = Payload(byteCount: 100)
        let receive = try pair.far.receive(into: room.mutable, from: far)
        let completion = try #require(try receive.result())
        #expect(completion.byteCount == 100)
        #expect(room == payload)
    }
}

@Suite struct `What is under way when a connection ends` {
    @Test(arguments: transports) func `is a receive that nothing left fits, and it fails`(transport: String) throws {
        let pair = try EndpointPair(transport)
        let (near, far) = try pair.connect()
        let payload = Payload(byteCount: 100, seed: 4)
        _ = try near.send(payload.bytes)
        near.close()
        pair.run("the far side is closed") { far.state == .closed }
        let room = Payload(byteCount: 100)
        let refused = #expect(throws: HandfastError.self) {
            try pair.far.receive(into: room.mutable, from: far) { header, _ in !header.isEmpty }
        }
        #expect(refused?.code == .closed)
        let receive = try pair.far.receive(into: room.mutable, from: far)
        #expect(receive.isComplete)
        #expect(room == payload)
    }

    @Test(arguments: transports) func `is what a peer sent before it vanished`(transport: String) throws {
        for round in 0..<20 {
            let pair = try EndpointPair(transport)
            var other: Endpoint? = try Endpoint(name: "other", transports: definitions, environment: [:])
            let address = try #require(pair.far.address)
            let connection = try #require(try other?.connect(to: address))
            var accepted: Connection?
            pair.run("the connection is up") {
                other?.progress()
                accepted = accepted ?? pair.far.accept()
                return accepted != nil && connection.state == .connected
            }
            let far = try #require(accepted)
            let room = Payload(byteCount: 8)
            let payload = Payload(byteCount: 8, seed: 1)
            // Few at a time, then many at once.
            for _ in 0..<10 {
                let receive = try pair.far.receive(into: room.mutable, from: far)
                _ = try connection.send(payload.bytes)
                pair.run("it has come") {
                    other?.progress()
                    return receive.isComplete
                }
                _ = try receive.result()
                for _ in 0..<round * 7 { pair.far.progress() }
            }
            for _ in 0..<100 { #expect(try connection.send(payload.bytes).isComplete) }
            other = nil
            // The first call of progress looks at the end, with most messages still unread.
            _ = try pair.far.connect(to: address)
            pair.run("the end is known") { far.state == .closed }
            var count = 0
            while let receive = try? pair.far.receive(into: room.mutable, from: far) {
                _ = try receive.result()
                count += 1
            }
            #expect(count == 100, "round \(round)")
        }
    }

    @Test func `is a payload that the sender keeps until it was read`() throws {
        let pair = try EndpointPair("shm")
        let (near, far) = try pair.connect()
        let payload = Payload(byteCount: 64_000_000, seed: 5)
        let room = Payload(byteCount: 64_000_000)
        let receive = try pair.far.receive(into: room.mutable, from: far)
        let send = try near.send(payload.bytes)
        pair.run("the read has begun") { room.bytes.first == payload.bytes.first }
        #expect(!receive.isComplete)
        far.close()
        pair.run("the sender has its memory back") { send.isComplete }
        #expect(receive.isComplete, "the sender's memory was let go while it was read")
        _ = try pair.finish(receive)
        #expect(room == payload)
        pair.run("both are closed") { near.state == .closed && far.state == .closed }
    }
}

@Suite struct `An endpoint that closes` {
    @Test(arguments: transports) func `says goodbye to all its peers`(transport: String) throws {
        let pair = try EndpointPair(transport)
        let ends = try (0..<3).map { _ in try pair.connect() }
        let payload = Payload(byteCount: 100, seed: 1)
        for end in ends { _ = try end.near.send(payload.bytes) }
        pair.near.close()
        pair.run("it is closed") { pair.near.isClosed }
        for end in ends {
            pair.run("the other side knows") { end.far.state == .closed }
            #expect(end.far.error?.code == .closed)
            let room = Payload(byteCount: 100)
            _ = try pair.finish(try pair.far.receive(into: room.mutable, from: end.far))
            #expect(room == payload)
        }
        let address = try #require(pair.far.address)
        let error = #expect(throws: HandfastError.self) { try pair.near.connect(to: address) }
        #expect(error?.code == .closed)
    }
}

@Suite struct `A forked child` {
    @Test(arguments: transports) func `may drop its copy of an endpoint, and ends nothing`(transport: String) throws {
        let pair = try EndpointPair(transport)
        var other: Endpoint? = try Endpoint(
            name: "other", transports: definitions, environment: ["HANDFAST_TRANSPORTS": transport])
        let (connection, far) = try pair.join(try #require(other))
        // Swift hides it, because a child may do so little; this one does enough.
        let fork = unsafeBitCast(try #require(dlsym(nil, "fork")), to: (@convention(c) () -> pid_t).self)
        let child = fork()
        if child == 0 {
            other = nil
            _exit(0)
        }
        var status: Int32 = 0
        #expect(waitpid(child, &status, 0) == child)
        #expect(status == 0)
        let (payload, room) = (Payload(byteCount: 8, seed: 1), Payload(byteCount: 8))
        for _ in 0..<100 { pair.far.progress() }
        let receive = try pair.far.receive(into: room.mutable, from: far)
        _ = try connection.send(payload.bytes)
        _ = try pair.finish(receive)
        #expect(room == payload)
        withExtendedLifetime(other) {}
    }
}
