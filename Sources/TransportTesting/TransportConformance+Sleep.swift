import CHandfast
import Testing
import TransportAPI

/// Arming, and the descriptor to sleep on.
extension TransportConformance {
    /// Polls until there is nothing and the transport is armed.
    private func arm(_ transport: any Transport, _ pair: TransportPair) throws {
        try pair.run("a quiet moment to arm in") { transport.operations.pointee.arm(transport.state) == 0 }
    }

    /// Polls until the thread sleeps on: what is still under way, and the completions of what was sent, may wake it a few times.
    private func fallAsleep(_ transport: any Transport, _ pair: TransportPair, while reason: String) throws {
        let deadline = Deadline(.seconds(10))
        repeat {
            try deadline.check("sleep, though \(reason),")
            _ = pair.poll()
            try arm(transport, pair)
        } while isAwake(transport, milliseconds: 20)
    }

    /// True when the thread would not sleep on, or be woken at once.
    private func isAwake(_ transport: any Transport, milliseconds: Int32) -> Bool {
        transport.operations.pointee.arm(transport.state) != 0
            || (transport.descriptor >= 0
                && sleepUntilReadable([transport.descriptor], milliseconds: milliseconds))
    }

    public func wakesASleeperOnArrival() throws {
        try ruleOnPair { pair in
            let (near, far) = try pair.connect()
            for round in 1...200 {
                if round == 1 {
                    try fallAsleep(pair.far, pair, while: "nothing came")
                } else {
                    try arm(pair.far, pair)
                }
                try pair.sendFromNear(near, round)
                // The sender's own polls may be what moves the bytes.
                if pair.near !== pair.far { _ = pair.near.operations.pointee.poll(pair.near.state) }
                guard isAwake(pair.far, milliseconds: 10_000) else {
                    throw BrokenRule("the receiver sleeps through arrival \(round)")
                }
                try pair.run("arrival") { far.sink.receivedCount == near.sentCount }
            }
        }
    }

    public func doesNotSleepOverWhatHasCome() throws {
        try ruleOnPair { pair in
            let (near, far) = try pair.connect()
            for byteCount in [1, 100_000] {
                try pair.sendFromNear(near, byteCount)
                if pair.near !== pair.far { _ = pair.near.operations.pointee.poll(pair.near.state) }
                #expect(isAwake(pair.far, milliseconds: 10_000))
                try pair.run("arrival") { far.sink.receivedCount == near.sentCount }
            }
        }
    }

    public func wakesASleeperForRoomAndForTheEnd() throws {
        try ruleOnPair { pair in
            let (near, far) = try pair.connect()
            (far.sink.appetite, far.resumesByItself) = (.nothing, false)
            try Self.fill(pair, near)
            try fallAsleep(pair.far, pair, while: "it takes nothing")
            try fallAsleep(pair.near, pair, while: "the receiver takes nothing")
            (far.sink.appetite, far.resumesByItself) = (.everything, true)
            far.resume()
            let deadline = Deadline(.seconds(10))
            while far.sink.receivedCount < near.sentCount {
                _ = pair.far.operations.pointee.poll(pair.far.state)
                try deadline.check("arrival of the rest")
            }
            if near.waitsForRoom, near.sink.writableCount == 0 {
                #expect(isAwake(pair.near, milliseconds: 10_000), "asleep though there is room")
                try pair.run("writable") { near.sink.writableCount > 0 }
            }

            try arm(pair.far, pair)
            near.close()
            #expect(isAwake(pair.far, milliseconds: 10_000), "asleep though the stream has ended")
            try pair.run("the end of the stream") { far.sink.ends == [0] }
            try fallAsleep(pair.far, pair, while: "the stream has ended")
        }
    }
}
