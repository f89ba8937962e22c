import Glibc
import Handfast
import Testing

/// How a program sleeps that has a loop of its own.
@Suite struct `An armed endpoint` {
    @Test(arguments: transports) func `has a descriptor that a message makes readable`(transport: String) throws {
        let pair = try EndpointPair(transport)
        let (near, far) = try pair.connect()
        let payload = Payload(byteCount: 8, seed: 1)
        let room = Payload(byteCount: 8)
        for _ in 0..<100 {
            let receive = try pair.far.receive(into: room.mutable, from: far)
            pair.far.armUntilAtRest()
            #expect(!pair.far.isReadable(milliseconds: 0))
            let send = try near.send(payload.bytes)
            while !send.isComplete { pair.near.progress() }
            _ = try send.result()
            // Of a burst over TCP the last leave with this.
            pair.near.progress()
            while !receive.isComplete {
                if case .upTo = pair.far.arm() {
                    #expect(pair.far.isReadable(milliseconds: 2_000), "the message was slept over")
                }
                pair.far.progress()
            }
            #expect(try receive.result()?.byteCount == 8)
        }
    }

    @Test func `sleeps no longer than until a deadline`() throws {
        let listener = SilentListener()
        let endpoint = try Endpoint(
            name: "near", transports: definitions,
            environment: ["HANDFAST_HANDSHAKE_TIMEOUT_MS": "50", "HANDFAST_CONNECT_DEADLINE_MS": "300"])
        let connection = try endpoint.connect(to: "127.0.0.1:\(listener.port)")
        var limits: [Duration] = []
        let giveUp = ContinuousClock.now + .seconds(20)
        while connection.state == .connecting, ContinuousClock.now < giveUp {
            guard case .upTo(let limit?) = endpoint.arm() else {
                endpoint.progress()
                continue
            }
            limits.append(limit)
            _ = endpoint.isReadable(milliseconds: Int32((limit / .milliseconds(1)).rounded(.up)))
            endpoint.progress()
        }
        #expect(connection.state == .closed && !limits.isEmpty)
        #expect(limits.allSatisfy { $0 <= .milliseconds(300) })
    }

    @Test func `does not sleep over a callback that is due`() throws {
        let pair = try EndpointPair("loopback")
        let (near, _) = try pair.connect()
        var calls = 0
        let send = try near.send(Payload(byteCount: 0).bytes)
        try pair.near.whenComplete(send) { _ in calls += 1 }
        #expect(pair.near.arm() == .none)
        pair.near.progress()
        #expect(calls == 1)
    }
}

extension Endpoint {
    fileprivate func isReadable(milliseconds: Int32) -> Bool {
        var descriptor = pollfd(fd: fileDescriptor, events: Int16(POLLIN), revents: 0)
        return poll(&descriptor, 1, milliseconds) == 1
    }

    /// Until what came before is done.
    fileprivate func armUntilAtRest() {
        while true {
            if case .upTo = arm(), !isReadable(milliseconds: 0) { return }
            progress()
        }
    }
}
