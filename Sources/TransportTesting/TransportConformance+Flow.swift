import Testing

/// What happens when the receiver does not take.
extension TransportConformance {
    /// How much a transport may take for a receiver that takes nothing, in bytes.
    private static let bufferLimit = 32 << 20

    /// Sends until the transport takes no more for good.
    static func fill(_ pair: TransportPair, _ sender: ChannelEnd) throws {
        let start = sender.sentCount
        // A kernel may still move bytes on; it is over when nothing has changed for this many rounds.
        var quietRounds = 0
        while quietRounds < 200 {
            quietRounds += 1
            pair.poll()
            while sender.maySend {
                if sender.send(Pattern.period) > 0 { quietRounds = 0 }
                guard sender.sentCount - start < bufferLimit else {
                    throw BrokenRule("\(bufferLimit) bytes were taken for a receiver that takes none")
                }
            }
        }
    }

    public func stopsTheSenderAndLosesNothing() throws {
        try ruleOnPair { pair in
            let (near, far) = try pair.connect()
            far.sink.appetite = .nothing
            far.resumesByItself = false
            try Self.fill(pair, near)
            #expect(far.sink.receivedCount == 0)
            // The other direction is free.
            try pair.carry(Flow(far, to: near, 100_000))

            far.sink.appetite = .atMost(10_007)
            far.resumesByItself = true
            far.resume()
            try pair.carry(Flow(near, to: far, 1 << 20))
        }
    }

    public func losesNothingWhenTheReceiverTakesLittle() throws {
        try ruleOnPair { pair in
            let (near, far) = try pair.connect()
            for limit in [0, 1, 777] {
                far.sink.appetite = .nothing
                far.resumesByItself = false
                near.send(100_000)
                for _ in 0..<20 { pair.poll() }
                far.resume()  // It takes nothing again.
                for _ in 0..<20 { pair.poll() }
                far.sink.appetite = limit == 0 ? .everything : .atMost(limit)
                far.resumesByItself = true
                far.resume()
                try pair.carry(Flow(near, to: far, 50_000))
            }
        }
    }

    public func saysWhenThereIsRoomAgain() throws {
        try ruleOnPair { pair in
            let (near, far) = try pair.connect()
            // Less than any transport holds.
            try pair.carry(Flow(near, to: far, 1_000))
            #expect(near.sink.writableCount == 0, "writable without a short send")

            far.sink.appetite = .nothing
            far.resumesByItself = false
            for round in 0..<5 {
                try Self.fill(pair, near)
                let before = near.sink.writableCount
                far.sink.appetite = .everything
                far.resume()
                try pair.run("writable") { near.sink.writableCount > before }
                #expect(near.send(1) == 1, "writable without room, in round \(round)")
                for _ in 0..<100 { pair.poll() }
                far.sink.appetite = .nothing
            }
            #expect(near.sink.writableCount <= near.shortSendCount, "writable more often than a send was short")
        }
    }
}
