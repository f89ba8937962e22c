import SeededRandom
import Testing

@testable import VerbsTransport

extension `Over verbs in the virtual machine` {
    @Suite(.serialized) struct `a peer that sends what it likes` {
        private static let rounds = 10
        private static let rule = "it broke a rule of the verbs channel"

        @Test(
            arguments: [
                ([], rule), ([0, 0, 0, 0, 0, 0, 0], rule), ([16, 0, 0, 0, 0, 0, 0, 0], rule),
                ([0, 0, 0, 0, 0, 0, 0, 1], rule), ([128, 0, 0, 0, 0, 0, 0, 0], rule), ([0, 0, 0, 0, 0, 1, 0, 0], rule),
                ([0, 0, 0, 0, 0, 0, 0, 0, 7], rule),
                ([0, 1, 0, 0, 0, 0, 0, 0], rule),
                // Data in the buffer that is set aside for frames without.
                ([1, 0, 0, 0, 0, 1, 0, 0, 7], rule),
                (
                    [0, 1, 0, 0, 0, 0, 0, 0] + [UInt8](repeating: 0xff, count: 24),
                    "it exposed more memory than is allowed"
                ),
                // More than a buffer holds.
                ([0, 0, 0, 0, 0x13, 0x80, 0, 0] + [UInt8](repeating: 1, count: 4992), "to ::ffff:10.1.0.2 "),
            ] as [([UInt8], String)])
        func `is cut off with the reason, and nobody else`(bytes: [UInt8], reason: String) throws {
            let pair = try RawPair()
            let engine = ToldEngine()
            let channels = try pair.connect(engine)
            try pair.post(bytes, over: channels.attacker)
            try pair.run("the victim is told") { !engine.lost.isEmpty }
            #expect(engine.lost.count == 1)
            #expect(engine.delivered.isEmpty)
            let text = engine.lost[0].reason
            #expect(text.contains("GID ::ffff:10.1.0.2"), "\(text)")
            if !reason.hasPrefix("to ") { #expect(text.contains(reason), "\(text)") }
            print(text)
            try pair.close(channels)
            try expectService(pair)
        }

        @Test func `is cut off when it has no credits left`() throws {
            let pair = try RawPair()
            let engine = ToldEngine()
            engine.appetite = 0
            let channels = try pair.connect(engine)
            var count = 0
            while engine.lost.isEmpty, count < 200 {
                try pair.post([0, 0, 0, 0, 0, 1, 0, 0, 7], over: channels.attacker)
                pair.poll()
                count += 1
            }
            // One credit, then those of a peer that has sent.
            #expect(count <= VerbsChannel.activeCredits + 2, "\(count) frames were taken")
            #expect(engine.lost.first?.reason.contains(Self.rule) == true)
            try pair.close(channels)
            try expectService(pair)
        }

        @Test func `is cut off when it sends a second control frame before the first is acknowledged`() throws {
            let pair = try RawPair()
            let engine = ToldEngine()
            let channels = try pair.connect(engine)
            for _ in 0..<2 { try pair.post([1, 0, 0, 0, 0, 0, 0, 0], over: channels.attacker) }
            try pair.run("the victim is told") { !engine.lost.isEmpty }
            #expect(engine.lost[0].reason.contains(Self.rule))
            try pair.close(channels)
        }

        @Test func `is cut off when it sends after its end`() throws {
            let pair = try RawPair()
            let engine = ToldEngine()
            engine.appetite = 0
            let channels = try pair.connect(engine)
            // The end is held back behind data that nobody takes.
            try pair.post([0, 0, 0, 0, 0, 1, 0, 0, 7], over: channels.attacker)
            try pair.post([8, 0, 0, 0, 0, 0, 0, 0], over: channels.attacker)
            try pair.post([0, 0, 0, 0, 0, 1, 0, 0, 7], over: channels.attacker)
            try pair.run("the victim is told") { !engine.lost.isEmpty }
            #expect(engine.closedCount == 0)
            try pair.close(channels)
            try expectService(pair)
        }

        @Test func `gives no more credits than can be counted, and asks for no more than there are`() throws {
            let pair = try RawPair()
            let engine = ToldEngine()
            let channels = try pair.connect(engine)
            for _ in 0..<5 { try pair.post([4, 0, 0xff, 0xff, 0, 0, 0, 0], over: channels.attacker) }
            #expect(engine.lost.isEmpty)
            #expect(channels.victim.pointee.credits <= 0xffff)
            #expect(channels.victim.pointee.granted <= VerbsChannel.creditLimit)
            try pair.close(channels)
            try expectService(pair)
        }

        @Test func `at random harms nobody`() throws {
            var random = SplitMix64(state: .random(in: 0...UInt64.max))
            print("forged frames: \(random.state)")
            let pair = try RawPair()
            // A first connection makes what stays.
            try expectService(pair)
            let device = pair.victimDevice
            let reserved = device.pointee.reservedCount
            for round in 0..<Self.rounds {
                let engine = ToldEngine()
                if Bool.random(using: &random) { engine.appetite = Int.random(in: 0...64, using: &random) }
                let channels = try pair.connect(engine)
                for _ in 0..<Int.random(in: 1...6, using: &random) {
                    try pair.post(frame(&random), over: channels.attacker)
                    if Bool.random(using: &random), engine.lost.isEmpty, engine.closedCount == 0 {
                        engine.appetite = 1000
                        verbsResume(channels.victim)
                    }
                }
                for _ in 0..<20 { pair.poll() }
                #expect(engine.lost.count + engine.closedCount <= 1, "round \(round)")
                try pair.close(channels)
                #expect(device.pointee.reservedCount == reserved, "round \(round)")
                #expect(device.pointee.sendBufferCount == 0, "round \(round)")
                #expect(device.pointee.outstandingCount == 0, "round \(round)")
            }
            try expectService(pair)
        }

        /// One that is nearly right.
        private func frame(_ random: inout SplitMix64) -> [UInt8] {
            let (exposures, data) = (Int.random(in: 0...9, using: &random), Int.random(in: 0...200, using: &random))
            var bytes: [UInt8] = [
                UInt8.random(in: 0...127, using: &random), UInt8(exposures), 0, 0, 0, UInt8(data), 0, 0,
            ]
            if bytes[0] & 16 != 0 { bytes += [0, 0, UInt8.random(in: 0...255, using: &random), 1, 0, 0, 0, 0] }
            if bytes[0] & 64 != 0 { bytes += [0, 0, 0, 4] + (0..<20).map { _ in 0 } }
            bytes[3] = UInt8.random(in: 0...20, using: &random)
            for _ in 0..<exposures {
                bytes +=
                    [0, 0, UInt8.random(in: 0...17, using: &random)]
                    + (0..<21).map { _ in UInt8.random(in: 0...255, using: &random) }
            }
            bytes += [UInt8](repeating: 7, count: data)
            if Int.random(in: 0..<3, using: &random) == 0 {
                bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
            }
            return bytes
        }

        /// A connection of honest peers over the same devices.
        private func expectService(_ pair: RawPair) throws {
            let engine = ToldEngine()
            let channels = try pair.connect(engine)
            try pair.post([0, 0, 0, 0, 0, 3, 0, 0, 1, 2, 3], over: channels.attacker)
            try pair.run("three bytes") { engine.delivered.count == 3 }
            #expect(engine.delivered == [1, 2, 3])
            #expect(engine.lost.isEmpty)
            try pair.close(channels)
        }
    }
}
