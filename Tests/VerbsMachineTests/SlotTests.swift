import CHandfast
import Testing

@testable import VerbsTransport

extension `Over verbs in the virtual machine` {
    @Suite(.serialized) struct `a long run of a stream` {
        private static let rule = "it broke a rule of the verbs channel's slots"
        private static let sizes = [1, 15_999, 16_384, 65_536, 524_288, 524_296, 70_000, 1_100_000, 12]

        /// The appetite is how much the engine takes at a time.
        @Test(arguments: [Int.max, 5_000, 70_000]) func `goes through slots, and arrives as it was sent`(appetite: Int)
            throws
        {
            let pair = try RawPair()
            let engine = ToldEngine()
            let channels = try pair.connect(engine)
            engine.appetite = appetite
            let bytes = (0..<Self.sizes.reduce(0, +)).map { UInt8(truncatingIfNeeded: $0 &* 0x9e37_79b9 >> 9) }
            var sent = 0
            for size in Self.sizes {
                try send(bytes[sent..<sent + size], channels, pair, engine, appetite)
                sent += size
            }
            try pair.run("all bytes") {
                feed(channels.victim, engine, appetite)
                return engine.delivered.count == bytes.count
            }
            #expect(engine.delivered == bytes)
            let (outgoing, incoming) = (channels.attacker.pointee.outgoing, channels.victim.pointee.incoming)
            #expect(try #require(outgoing).pointee.used == #require(incoming).pointee.finished)
            // The first goes in frames, while slots are asked for; no slot holds more than this.
            #expect(try #require(outgoing).pointee.slotByteCount == 524_288)
            #expect(try #require(outgoing).pointee.used >= 5)
            #expect(channels.attacker.pointee.incoming == nil && channels.victim.pointee.outgoing == nil)
            try pair.close(channels)
            #expect(pair.victimDevice.pointee.slotBufferCount == 0)
        }

        @Test func `goes in frames where no more memory may be set aside`() throws {
            let pair = try RawPair()
            let device = pair.victimDevice
            var reserved: [Int] = []
            while let slotByteCount = device.pointee.reserveSlots(atMost: BulkSlots.largestByteCount) {
                reserved.append(slotByteCount)
            }
            // Of 16 MiB: an eighth of what is left is 1.5 MiB, and later 768, 384, and 192 KiB or less.
            let count = { size in reserved.count { $0 == size << 10 } }
            #expect([512, 256, 128, 64].map(count) == [3, 8, 7, 15])
            #expect(reserved == reserved.sorted(by: >) && reserved.count == 33)
            let engine = ToldEngine()
            let channels = try pair.connect(engine)
            let bytes = [UInt8](repeating: 5, count: 200_000)
            try send(bytes[...], channels, pair, engine, .max)
            try pair.run("all bytes") { engine.delivered.count == bytes.count }
            #expect(engine.delivered == bytes)
            #expect(channels.attacker.pointee.hasAskedForSlots && channels.victim.pointee.incoming == nil)
            for slotByteCount in reserved { device.pointee.releaseSlots(slotByteCount) }
            try pair.close(channels)
        }

        /// Of the sender, whose memory is short; the receiver's is not.
        @Test(arguments: [64, 0]) func `goes through smaller slots where the sender has no more`(kibibytes: Int) throws
        {
            let pair = try RawPair()
            let engine = ToldEngine()
            let channels = try pair.connect(engine)
            let device = channels.attacker.pointee.device
            var reserved: [Int] = []
            while reserved.last != 64 << 10, let some = device.pointee.reserveSlots(atMost: BulkSlots.largestByteCount)
            {
                reserved.append(some)
            }
            while kibibytes == 0, let some = device.pointee.reserveSlots(atMost: 64 << 10) { reserved.append(some) }
            let used = device.pointee.slotBufferCount
            try pair.askForSlots(channels)
            try pair.run("the slots") { channels.victim.pointee.incoming?.pointee.slotByteCount == 512 << 10 }
            let bytes = (0..<900_000).map { UInt8(truncatingIfNeeded: $0 &* 0x9e37_79b9 >> 9) }
            try send(bytes[...], channels, pair, engine, .max)
            try pair.run("all bytes") { engine.delivered.count == bytes.count }
            #expect(engine.has(bytes))
            if kibibytes > 0 {
                #expect(channels.attacker.pointee.outgoing?.pointee.slotByteCount == kibibytes << 10)
                #expect(device.pointee.slotBufferCount > used)
            } else {
                #expect(channels.attacker.pointee.outgoing == nil && device.pointee.slotBufferCount == used)
            }
            try pair.close(channels)
            #expect(device.pointee.slotBufferCount == used)
            for slotByteCount in reserved { device.pointee.releaseSlots(slotByteCount) }
        }

        @Test(
            arguments: [
                // Bulk without slots, slots given back that were never used, an offer that nobody asked for.
                [16, 0, 0, 0, 0, 0, 0, 0] + [0, 0, 0, 9, 0, 0, 0, 0], [0, 0, 0, 0, 0, 0, 1, 0],
                [65, 0, 0, 0, 0, 0, 0, 0] + Self.offer(3, 3 << 16),
            ] as [[UInt8]])
        func `is not what a peer may invent`(frame: [UInt8]) throws { try expectEnd { _, _ in [frame] } }

        @Test(arguments: [
            (0, 3), (3, 0), (4, 3 << 16), (3, 4 << 16), (3, 3 << 15), (3, 3 * 81_920), (3, 3 << 20), (3, (3 << 16) + 1),
        ])
        func `is not sent into slots of another number or size`(count: Int, byteCount: Int) throws {
            try expectEnd { _, channels in
                channels.victim.pointee.hasAskedForSlots = true
                return [[65, 0, 0, 0, 0, 0, 0, 0] + Self.offer(UInt8(count), UInt32(byteCount))]
            }
        }

        @Test(arguments: [[0, 0, 0, 0], [0, 8, 0, 1], [255, 255, 255, 255]] as [[UInt8]])
        func `has a size that a slot holds`(size: [UInt8]) throws {
            try expectEnd { pair, channels in
                try pair.setSlotsAside(channels)
                return [[16, 0, 0, 0, 0, 0, 0, 0] + size + [0, 0, 0, 0]]
            }
        }

        @Test func `has no more slots than there are`() throws {
            try expectEnd { pair, channels in
                try pair.setSlotsAside(channels)
                return Array(
                    repeating: [16, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0, 0], count: BulkSlots.count + 1)
            }
        }

        @Test func `has nothing of the stream before it in its frame`() throws {
            try expectEnd { pair, channels in
                try pair.setSlotsAside(channels)
                return [[16, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 9, 0, 0, 0, 0, 7]]
            }
        }

        private static func offer(_ count: UInt8, _ byteCount: UInt32) -> [UInt8] {
            let size = (0..<4).map { UInt8(truncatingIfNeeded: byteCount >> (24 - 8 * $0)) }
            return [0, 0, 0, count, 0, 0, 0, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0] + size
        }

        private func expectEnd(
            _ frames: (RawPair, (attacker: VerbsChannel.Pointer, victim: VerbsChannel.Pointer)) throws -> [[UInt8]]
        ) throws {
            let pair = try RawPair()
            let engine = ToldEngine()
            engine.appetite = 0
            let channels = try pair.connect(engine)
            for frame in try frames(pair, channels) { try pair.post(frame, over: channels.attacker) }
            try pair.run("the victim is told") { !engine.lost.isEmpty }
            #expect(engine.lost[0].reason.contains(Self.rule), "\(engine.lost)")
            #expect(engine.delivered.isEmpty)
            try pair.close(channels)
            #expect(pair.victimDevice.pointee.slotBufferCount == 0)
        }

        private func send(
            _ bytes: ArraySlice<UInt8>, _ channels: (attacker: VerbsChannel.Pointer, victim: VerbsChannel.Pointer),
            _ pair: RawPair, _ engine: ToldEngine, _ appetite: Int
        ) throws {
            try bytes.withUnsafeBytes { bytes in
                var sent = 0
                try pair.run("the send") {
                    var piece = hf_piece(bytes: bytes.baseAddress! + sent, byte_count: UInt64(bytes.count - sent))
                    sent += Int(verbsSend(channels.attacker, &piece, 1))
                    feed(channels.victim, engine, appetite)
                    return sent == bytes.count
                }
            }
        }

        private func feed(_ victim: VerbsChannel.Pointer, _ engine: ToldEngine, _ appetite: Int) {
            guard appetite < .max else { return }
            engine.appetite = appetite
            verbsResume(victim)
        }
    }
}
