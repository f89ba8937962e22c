import CHandfast
import CVerbs
import Glibc
import Testing

@testable import VerbsTransport

extension `Over verbs in the virtual machine` {
    @Suite(.serialized) struct `Credits that find no place to be told in` {
        @Test func `are told when the send queue has one again`() throws {
            try expectCredits { victim, device in
                // As if so many were on their way.
                victim.pointee.completed &-= VerbsChannel.sendCount - 1
                device.pointee.outstandingCount += Int(VerbsChannel.sendCount) - 1
                return {}
            }
        }

        @Test func `are told when other connections leave the device one again`() throws {
            try expectCredits { _, device in
                let count = device.pointee.outstandingLimit
                device.pointee.outstandingCount += count
                return { device.pointee.outstandingCount -= count }
            }
        }

        /// - Parameter crowd: takes all places until something completes, after what it returns is called.
        private func expectCredits(
            _ crowd: (VerbsChannel.Pointer, VerbsDevice.Pointer) -> () -> Void
        ) throws {
            let pair = try RawPair()
            let engine = ToldEngine()
            let (attacker, victim) = try pair.connect(engine)
            let device = pair.victimDevice
            let relieve = crowd(victim, device)
            try sendByte(attacker)
            try pair.run("it has come") { !engine.delivered.isEmpty }
            for _ in 0..<8 { pair.poll() }
            #expect(!VerbsChannel.hasPlace(victim))
            #expect(attacker.pointee.credits == 0)

            relieve()
            postByte(victim)
            try pair.run("its credits") { attacker.pointee.credits > 0 }
            try pair.close((attacker, victim))
        }
    }

    @Suite(.serialized) struct `What a queue pair had received when it was destroyed` {
        @Test func `is nobody's, as another one may have its number now`() throws {
            let pair = try RawPair()
            let engine = ToldEngine()
            let (attacker, victim) = try pair.connect(engine)
            let (number, device) = (victim.pointee.number, pair.victimDevice)
            postByte(attacker)
            try pair.run("the completion", polling: pair.attacker) {
                attacker.pointee.completed == attacker.pointee.posted
            }
            VerbsChannel.destroyPair(victim)
            #expect(engine.delivered.isEmpty)
            var found = [cverbs_completion](repeating: cverbs_completion(), count: 8)
            let count = device.pointee.stash.move(to: &found, limit: found.count)
            #expect(count > 0)
            // siw gives out the lowest number that is free.
            #expect(!found[..<count].contains { $0.queue_pair_number == number })
        }
    }

    @Suite(.serialized) struct `A read that fails` {
        @Test(arguments: [false, true]) func `gives its memory back when the device has`(hasPeerEnded: Bool) throws {
            let pair = try RawPair()
            let engine = ToldEngine()
            let (peer, reader) = try pair.connect(engine)
            let (memory, room) = (Room(1 << 20), Room(1 << 20))
            var name: UInt64 = 0
            #expect(verbsExpose(peer, memory.bytes.baseAddress, 1 << 20, &name) == 0)
            try sendByte(peer)
            try pair.run("what tells of the memory") { !engine.delivered.isEmpty }
            try Guest.link("lose 100")
            defer { try? Guest.link("mend") }
            #expect(verbsRead(reader, room.bytes.baseAddress, name, 1 << 20, 1) == 0)
            var underWay: [Int] = []
            engine.whenRead = { underWay.append(reader.pointee.readsUnderWay) }
            #expect(reader.pointee.readsUnderWay > 0)
            if hasPeerEnded {
                reader.pointee.hasPeerEnded = true
                VerbsChannel.touch(reader)
            } else {
                VerbsChannel.fail(reader, ECONNRESET, "it is broken")
            }
            try pair.run("its end") { engine.lost.count + engine.closedCount == 1 }
            #expect(underWay == [0])
            #expect(engine.readErrors == [ECONNRESET])
            #expect(engine.closedCount == (hasPeerEnded ? 1 : 0))
            verbsClose(reader)
            try Guest.link("mend")
            verbsClose(peer)
            try pair.run("both are gone") { pair.isEmpty }
            withExtendedLifetime((memory, room)) {}
        }
    }

    @Suite(.serialized) struct `A connection that ends beside a read` {
        @Test func `is told to the engine when the read has ended well`() throws {
            let pair = try RawPair()
            let engine = ToldEngine()
            let (peer, reader) = try pair.connect(engine)
            let (memory, room) = (Room(4096), Room(4096))
            var name: UInt64 = 0
            #expect(verbsExpose(peer, memory.bytes.baseAddress, 4096, &name) == 0)
            try sendByte(peer)
            try pair.run("what tells of the memory") { !engine.delivered.isEmpty }
            #expect(verbsRead(reader, room.bytes.baseAddress, name, 4096, 1) == 0)
            // It has ended, and nobody knows it yet.
            let device = pair.victimDevice
            try pair.run("its completion", polling: pair.attacker) {
                device.pointee.stashAll()
                return !device.pointee.stash.isEmpty
            }
            reader.pointee.hasPeerEnded = true
            VerbsChannel.settle(reader)
            #expect(engine.closedCount == 0 && engine.readErrors.isEmpty)
            try pair.run("its end") { engine.closedCount == 1 }
            #expect(engine.readErrors == [0] && engine.lost.isEmpty)
            #expect(device.pointee.lingering.isEmpty)
            try pair.close((peer, reader))
            withExtendedLifetime((memory, room)) {}
        }
    }

    @Suite(.serialized) struct `An end that finds no place` {
        @Test func `goes when other connections leave the device one again`() throws {
            let pair = try RawPair()
            let engine = ToldEngine()
            let (closer, peer) = try pair.connect(engine)
            let device = closer.pointee.device
            let count = device.pointee.outstandingLimit - device.pointee.outstandingCount
            device.pointee.outstandingCount += count
            verbsClose(closer)
            for _ in 0..<8 { pair.poll() }
            #expect(device.pointee.outstandingCount == device.pointee.outstandingLimit)
            #expect(engine.closedCount == 0)

            device.pointee.outstandingCount -= count
            try sendByte(peer)
            try pair.run("the end") { engine.closedCount == 1 }
            verbsClose(peer)
            try pair.run("both are gone") { pair.isEmpty }
        }
    }

    @Suite(.serialized) struct `Where no more memory may be pinned` {
        @Test func `receives leave some buffers to sends, and keep none that do not suffice`() throws {
            let pair = try RawPair()
            let engine = ToldEngine()
            let channels = try pair.connect(engine)
            let device = pair.victimDevice
            try withoutMorePinnedMemory {
                let free = device.pointee.pool.freeCount
                let isReserved = device.pointee.reserve(1000)
                #expect(!isReserved)
                #expect(device.pointee.pool.freeCount == free)
                #expect(device.pointee.pool.error == ENOMEM)
                while device.pointee.reserve(1) {}
                let buffers = (0..<16).compactMap { _ in VerbsChannel.takeSendBuffer(device) }
                #expect(buffers.count == 16)
                // What sends hold is theirs already.
                #expect(device.pointee.pool.freeCount == 0)
                for buffer in buffers { VerbsChannel.giveSendBuffer(device, buffer) }
            }
            try pair.close(channels)
            withExtendedLifetime(engine) {}
        }
    }

    @Suite(.serialized) struct `A read that finds no place` {
        @Test func `is asked for when other connections leave the device one again`() throws {
            let pair = try RawPair()
            let engine = ToldEngine()
            let (peer, reader) = try pair.connect(engine)
            let (memory, room) = (Room(4096), Room(4096))
            memory.bytes.initializeMemory(as: UInt8.self, repeating: 9)
            var name: UInt64 = 0
            #expect(verbsExpose(peer, memory.bytes.baseAddress, 4096, &name) == 0)
            try sendByte(peer)
            try pair.run("it is known") { !engine.delivered.isEmpty && peer.pointee.credits > 0 }
            // Nothing is owed any more, for which the reader would look.
            try sendByte(peer)
            try pair.run("the credits are acknowledged") { engine.delivered.count == 2 }

            let device = pair.victimDevice
            let count = device.pointee.outstandingLimit
            device.pointee.outstandingCount += count
            #expect(verbsRead(reader, room.bytes.baseAddress, name, 4096, 1) == 0)
            for _ in 0..<8 { pair.poll() }
            #expect(engine.readErrors.isEmpty)

            device.pointee.outstandingCount -= count
            // Something of another's ends, or comes.
            try sendByte(peer)
            try pair.run("the read") { !engine.readErrors.isEmpty }
            #expect(engine.readErrors == [0])
            #expect(room.holds(UnsafeRawBufferPointer(memory.bytes)))
            try pair.close((peer, reader))
        }
    }
}

/// Sends a byte that goes at once, and is told of when it has gone.
private func postByte(_ channel: VerbsChannel.Pointer) {
    let frame: [UInt8] = [0, 0, 0, 0, 0, 1, 0, 0, 7]
    let scratch = channel.pointee.device.pointee.scratch
    scratch.copyMemory(from: frame, byteCount: frame.count)
    channel.pointee.credits -= 1
    VerbsChannel.add(channel, scratch, frame.count, buffer: -1)
    VerbsChannel.post(channel, isSignaled: true)
}

private func sendByte(_ channel: VerbsChannel.Pointer) throws { try #require(send([7], over: channel) == 1) }
