import CHandfast
import CVerbs
import Testing

@testable import VerbsTransport

extension `Over verbs in the virtual machine` {
    /// The reader answers each read, as engines tell a sender that its payload has been read.
    @Suite(.serialized) struct `What is sent while reads end` {
        private static let size = 64 << 10

        /// At the most two, as completions of different pairs may be found at once.
        @Test(arguments: [(1, 1), (2, 1), (3, 2), (4, 2)])
        func `goes in one frame for two that were asked for together`(
            readCount: Int, frameLimit: Int
        ) throws {
            try withReader { pair, peer, reader, engine, read in
                engine.whenRead = { send([UInt8(engine.readErrors.count), 7], over: reader) }
                let credits = reader.pointee.credits
                try read(readCount)
                try pair.run("all reads") { engine.readErrors.count == readCount }
                #expect(engine.readErrors.allSatisfy { $0 == 0 })
                #expect((1...frameLimit).contains(credits - reader.pointee.credits))
                try pair.run("all answers") { pair.attackersEngine.delivered.count == 2 * readCount }
                #expect(pair.attackersEngine.has((1...UInt8(readCount)).flatMap { [$0, 7] }))
            }
        }

        @Test func `is little, as reads are asked for, and told of, in halves of what may be under way`() throws {
            try withReader { pair, peer, reader, engine, read in
                let works = reader.pointee.device.pointee.works
                try read(4)
                #expect((0..<4).map { works[$0].is_signaled } == [0, 1, 0, 1])
                #expect(reader.pointee.bytesUnderWay == VerbsRead.underWayLimit)
                try pair.run("all reads") { engine.readErrors.count == 4 }

                // As if others were under way.
                reader.pointee.bytesUnderWay = 3 * VerbsRead.underWayLimit / 4
                try read(2)
                #expect(reader.pointee.readsUnderWay == 0)
                reader.pointee.bytesUnderWay = VerbsRead.underWayLimit / 2
                VerbsChannel.continueReads(reader)
                #expect(reader.pointee.readsUnderWay == 2)
                try pair.run("all reads") { engine.readErrors.count == 6 }
                reader.pointee.bytesUnderWay = 0
            }
        }

        /// Of these bytes each time: as many as a frame holds, more than that, and what is left.
        @Test(arguments: [[3000, 3000, 1], [1, 5000, 2], [4088, 1], [2, 20_000, 3]])
        func `stays in order, whatever its size`(sizes: [Int]) throws {
            try withReader { pair, peer, reader, engine, read in
                let bytes = sizes.enumerated().map { [UInt8](repeating: UInt8($0.offset + 1), count: $0.element) }
                engine.whenRead = { for part in bytes { send(part, over: reader) } }
                let all = bytes.flatMap { $0 }
                try read(1)
                try pair.run("the answers") { pair.attackersEngine.delivered.count >= all.count }
                #expect(pair.attackersEngine.has(all))
            }
        }

        @Test func `waits for a place of the device's, and goes when there is one`() throws {
            try withReader { pair, peer, reader, engine, read in
                let crowd = try readIntoCrowd(pair, reader, engine, read)
                reader.pointee.device.pointee.outstandingCount -= crowd
                // Something of another's ends.
                try pair.post([0, 0, 0, 0, 0, 0, 0, 0], over: reader)
                reader.pointee.credits -= 1
                try pair.run("the answer") { pair.attackersEngine.delivered == [9] }
                #expect(reader.pointee.openBuffer < 0)
            }
        }

        @Test func `takes no buffer along when its connection ends before`() throws {
            try withReader { pair, peer, reader, engine, read in
                let device = reader.pointee.device
                let crowd = try readIntoCrowd(pair, reader, engine, read)
                #expect(device.pointee.sendBufferCount == 1)
                verbsClose(peer)
                try pair.run("the end") { engine.closedCount == 1 }
                verbsClose(reader)
                for _ in 0..<8 { pair.poll() }
                #expect(device.pointee.sendBufferCount == 0)
                device.pointee.outstandingCount -= crowd
            }
        }

        /// The device has no place left when the engine answers.
        /// - Returns: how many places are taken.
        private func readIntoCrowd(
            _ pair: RawPair, _ reader: VerbsChannel.Pointer, _ engine: ToldEngine, _ read: (Int) throws -> Void
        ) throws -> Int {
            let device = reader.pointee.device
            let crowd = device.pointee.outstandingLimit
            engine.whenRead = {
                device.pointee.outstandingCount += crowd
                send([9], over: reader)
            }
            try read(1)
            try pair.run("the read") { engine.readErrors == [0] }
            for _ in 0..<8 { pair.poll() }
            #expect(reader.pointee.openBuffer >= 0 && pair.attackersEngine.delivered.isEmpty)
            return crowd
        }

        private func withReader(
            _ body: (
                RawPair, VerbsChannel.Pointer, VerbsChannel.Pointer, ToldEngine, (Int) throws -> Void
            ) throws -> Void
        ) throws {
            let pair = try RawPair()
            let engine = ToldEngine()
            let (peer, reader) = try pair.connect(engine)
            let (memory, room) = (Room(Self.size), Room(Self.size))
            var name: UInt64 = 0
            #expect(verbsExpose(peer, memory.bytes.baseAddress, UInt64(Self.size), &name) == 0)
            send([1], over: peer)
            send([2], over: reader)
            try pair.run("both are active") {
                engine.delivered == [1] && pair.attackersEngine.delivered == [2] && reader.pointee.credits >= 8
            }
            pair.attackersEngine.delivered = []
            try body(pair, peer, reader, engine) { count in
                // As if others were under way meanwhile, so that all are asked for together.
                reader.pointee.bytesUnderWay += VerbsRead.underWayLimit
                for _ in 0..<count {
                    #expect(verbsRead(reader, room.bytes.baseAddress, name, UInt64(Self.size), 1) == 0)
                }
                reader.pointee.bytesUnderWay -= VerbsRead.underWayLimit
                VerbsChannel.continueReads(reader)
            }
            engine.whenRead = {}
            if peer.pointee.phase == .open { verbsClose(peer) }
            if reader.pointee.phase == .open { verbsClose(reader) }
            try pair.run("both are gone") { pair.isEmpty }
        }
    }
}
