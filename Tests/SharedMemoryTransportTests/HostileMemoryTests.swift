import Glibc
import SeededRandom
import Testing
import TransportAPI

@testable import SharedMemoryTransport

@Suite struct `A peer that writes nonsense` {
    @Test func `into the ring ends the connection with EPROTO, once`() throws {
        let (one, two) = try Meeting.makeSides()
        #expect(one.send([1]) == 1)
        two.poll()
        PairMemory(one.raw.pointee.link.segment.memory.baseAddress!, role: .starter).outgoing
            .storeBytes(of: 1 << 40, toByteOffset: 128, as: UInt64.self)
        for _ in 0..<3 { two.poll() }
        #expect(two.recorder.bytes == [1])
        #expect(two.recorder.ends == [EPROTO])
    }

    @Test func `of words of offers up to the end of the ring is not followed beyond it`() throws {
        let (one, two) = try Meeting.makeSides()
        let ring = PairMemory(one.raw.pointee.link.segment.memory.baseAddress!, role: .starter).outgoing
        for line in 1...PairMemory.lineCount {
            ring.storeBytes(
                of: RingMemory.offerMark, toByteOffset: line * RingMemory.lineByteCount, as: UInt64.self)
        }
        SharedMemoryChannel.ringOwn(two.raw)
        for _ in 0..<2 * PairMemory.lineCount { two.poll() }
        #expect(two.recorder.ends == [EPROTO])
    }

    @Test func `that shortens a packet after it was partly taken is found out`() throws {
        let (one, two) = try Meeting.makeSides()
        #expect(one.send([1, 2, 3, 4]) == 4)
        two.recorder.takeLimit = 3
        two.poll()
        PairMemory(one.raw.pointee.link.segment.memory.baseAddress!, role: .starter).outgoing
            .storeBytes(of: 2, toByteOffset: 64, as: UInt64.self)
        two.resume()
        two.poll()
        #expect(two.recorder.ends == [EPROTO])
    }

    /// Only what must hold whatever the words are: no trap, no endless loop, one end.
    @Test func `anywhere costs its own connection at most`() throws {
        let seed = UInt64.random(in: 0 ... .max)
        print("seed \(seed)")
        var generator = SplitMix64(state: seed)
        let hub = try SharedMemoryTransport()
        let far = try SharedMemoryTransport()
        let words: [UInt64] = [0, 1, 2, 57, 58, 3961, 8000, 1 << 31, 1 << 32, 1 << 33, 1 << 63, .max, .max - 1]
        for _ in 0..<300 {
            let (victim, peer) = try Meeting.makeSides(hub, far)
            let memory = victim.raw.pointee.link.segment.memory
            let doorbell = hub.doorbell.memory
            for _ in 0..<100 {
                let word = words.randomElement(using: &generator)!
                let line = Int.random(in: 0..<memory.count / 64, using: &generator)
                let offset = line * 64 + 8 * Int.random(in: 0...2, using: &generator)
                memory.storeBytes(of: word, toByteOffset: offset, as: UInt64.self)
                let bellOffset = 8 * Int.random(in: 0..<80, using: &generator)
                doorbell.storeBytes(of: word, toByteOffset: bellOffset, as: UInt64.self)
                victim.recorder.takeLimit = Int.random(in: 0...5000, using: &generator)
                _ = victim.send([UInt8](repeating: 1, count: Int.random(in: 0...9000, using: &generator)))
                _ = peer.send([UInt8](repeating: 1, count: Int.random(in: 0...9000, using: &generator)))
                victim.poll()
                victim.resume()
                if victim.arm() == 0 { victim.poll() }
            }
            #expect(victim.recorder.ends.count <= 1)
        }
    }
}
