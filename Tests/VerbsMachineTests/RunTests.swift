import CHandfast
import Testing

@testable import VerbsTransport

extension `Over verbs in the virtual machine` {
    /// Without a poll between two sends the first stay under way for all the sender knows, and what follows waits.
    @Suite(.serialized) struct `A run that waits for those under way` {
        private static let size = 20_000

        @Test func `takes what follows it, long or short, and arrives with it in order`() throws {
            try withRun { pair, channels, engine, sent in
                try send([1, 2, 3], channels.attacker, &sent)
                try send([UInt8](repeating: 8, count: Self.size), channels.attacker, &sent)
                #expect(channels.attacker.pointee.runByteCount == 2 * Self.size + 3)
                try pair.run("all") { engine.delivered.count >= sent.count }
                #expect(engine.has(sent))
                #expect(channels.attacker.pointee.runByteCount == 0)
                // Three runs for four sends.
                #expect(channels.attacker.pointee.outgoing?.pointee.used == 3)
            }
        }

        @Test func `goes when its slot is full`() throws {
            try withRun { pair, channels, engine, sent in
                let slotByteCount = channels.attacker.pointee.outgoing!.pointee.slotByteCount
                try send([UInt8](repeating: 8, count: slotByteCount - Self.size), channels.attacker, &sent)
                #expect(channels.attacker.pointee.outgoing?.pointee.used == 3)
                #expect(channels.attacker.pointee.runByteCount == 0)
                try pair.run("all") { engine.delivered.count >= sent.count }
                #expect(engine.has(sent))
            }
        }

        @Test func `goes before the end`() throws {
            try withRun { pair, channels, engine, sent in
                verbsClose(channels.attacker)
                // It waits for completions alone, and the end may still need its time.
                #expect(channels.attacker.pointee.lingersUntil == nil)
                try pair.run("the end") { engine.closedCount == 1 }
                #expect(engine.has(sent))
            }
        }

        @Test func `is overtaken by what is told of memory, not by what names it`() throws {
            try withRun { pair, channels, engine, sent in
                let memory = Room(4096)
                var name: UInt64 = 0
                #expect(verbsExpose(channels.attacker, memory.bytes.baseAddress, 4096, &name) == 0)
                try send([4, 5], channels.attacker, &sent)
                #expect(channels.attacker.pointee.runByteCount == Self.size + 2)
                try pair.run("all") { engine.delivered.count >= sent.count }
                #expect(engine.has(sent))
                let room = Room(4096)
                #expect(verbsRead(channels.victim, room.bytes.baseAddress, name, 4096, 1) == 0)
                try pair.run("the read") { engine.readErrors == [0] }
            }
        }

        @Test func `waits for a place of the device's, and goes when there is one`() throws {
            try withRun { pair, channels, engine, sent in
                let device = channels.attacker.pointee.device
                let crowd = device.pointee.outstandingLimit
                device.pointee.outstandingCount += crowd
                try pair.run("the runs under way") { channels.attacker.pointee.outgoing?.pointee.underWay == 0 }
                for _ in 0..<8 { pair.poll() }
                #expect(channels.attacker.pointee.runByteCount == Self.size)
                device.pointee.outstandingCount -= crowd
                // Something of another's ends.
                try pair.post([0, 0, 0, 0, 0, 0, 0, 0], over: channels.attacker)
                channels.attacker.pointee.credits -= 1
                try pair.run("all") { engine.delivered.count >= sent.count }
                #expect(engine.has(sent))
            }
        }

        @Test func `holds all that the engine sends at once when it may again`() throws {
            let pair = try RawPair()
            let engine = ToldEngine()
            let channels = try pair.connect(engine)
            try pair.setSlotsAside(channels)
            engine.appetite = 0
            let slots = try #require(channels.attacker.pointee.outgoing)
            var sent = [UInt8](repeating: 1, count: slots.pointee.byteCount)
            let count = VerbsMachineTests.send(
                sent + [UInt8](repeating: 2, count: Self.size), over: channels.attacker)
            #expect(count == sent.count && slots.pointee.isFull)
            pair.attackersEngine.whenWritable = {
                pair.attackersEngine.whenWritable = {}
                for number in 3...5 {
                    #expect(throws: Never.self) {
                        try send([UInt8](repeating: UInt8(number), count: Self.size), channels.attacker, &sent)
                    }
                }
            }
            engine.appetite = .max
            try pair.run("all") {
                verbsResume(channels.victim)
                return engine.delivered.count == slots.pointee.byteCount + 3 * Self.size
            }
            #expect(engine.has(sent))
            #expect(slots.pointee.used == BulkSlots.count + 1)
            try pair.close(channels)
        }

        /// Has two runs under way and one that waits.
        private func withRun(
            _ body: (
                RawPair, (attacker: VerbsChannel.Pointer, victim: VerbsChannel.Pointer), ToldEngine, inout [UInt8]
            ) throws -> Void
        ) throws {
            let pair = try RawPair()
            let engine = ToldEngine()
            let channels = try pair.connect(engine)
            try pair.setSlotsAside(channels)
            var sent: [UInt8] = []
            for number in 1...3 {
                try send([UInt8](repeating: UInt8(number), count: Self.size), channels.attacker, &sent)
            }
            #expect(channels.attacker.pointee.outgoing?.pointee.underWay == 2)
            #expect(channels.attacker.pointee.runByteCount == Self.size)
            try body(pair, channels, engine, &sent)
            if channels.attacker.pointee.phase == .open { verbsClose(channels.attacker) }
            verbsClose(channels.victim)
            try pair.run("both are gone") { pair.isEmpty }
        }

        private func send(_ bytes: [UInt8], _ channel: VerbsChannel.Pointer, _ sent: inout [UInt8]) throws {
            try #require(VerbsMachineTests.send(bytes, over: channel) == bytes.count)
            sent += bytes
        }
    }
}
