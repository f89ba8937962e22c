import Glibc
import SeededRandom
import Testing

@testable import SharedMemoryTransport

@Suite struct `A doorbell` {
    @Test func `brings every message of a hundred connections, in any order`() throws {
        let hub = try SharedMemoryTransport()
        let far = try SharedMemoryTransport()
        let pairs = try (0..<100).map { _ in try Meeting.makeSides(hub, far) }
        let seed = UInt64.random(in: 0 ... .max)
        print("seed \(seed)")
        var generator = SplitMix64(state: seed)
        var expected = [[UInt8]](repeating: [], count: pairs.count)
        for round in 0..<5000 {
            // Now and then a few of them talk more, so that rings become hot and cool again.
            let index = Int.random(in: 0..<(round / 500 % 2 == 0 ? 100 : 6), using: &generator)
            let byte = UInt8.random(in: 0...255, using: &generator)
            #expect(pairs[index].1.send([byte]) == 1)
            expected[index].append(byte)
            if Int.random(in: 0..<3, using: &generator) == 0 { pairs[0].0.poll() }
            if Int.random(in: 0..<50, using: &generator) == 0 {
                // What arrived before sleep is there, or wakes.
                if pairs[0].0.arm() == 0 { #expect(!pairs[0].0.isWakeReadable) }
            }
        }
        while pairs[0].0.poll() > 0 {}
        for (pair, bytes) in zip(pairs, expected) { #expect(pair.0.recorder.bytes == bytes) }
    }

    @Test func `has at most four rings polled, and those are the busy ones`() throws {
        let hub = try SharedMemoryTransport()
        let far = try SharedMemoryTransport()
        let pairs = try (0..<10).map { _ in try Meeting.makeSides(hub, far) }
        for pair in pairs {
            #expect(pair.1.send([1]) == 1)
            pair.0.poll()
        }
        for _ in 0..<3 {
            #expect(pairs[9].1.send([1]) == 1)
            pairs[0].0.poll()
        }
        let isHot = pairs.map { $0.0.raw.pointee.isHot }
        #expect(isHot.filter { $0 }.count == 4)
        #expect(isHot[9])
        for pair in pairs { #expect(pair.0.recorder.bytes.allSatisfy { $0 == 1 }) }
    }

    @Test func `wakes an owner that sleeps, once, and not one that polls`() throws {
        let (one, two) = try Meeting.makeSides()
        two.poll()
        #expect(one.send([1]) == 1)
        #expect(!two.isWakeReadable)
        #expect(two.arm() != 0)  // Something is there.
        two.poll()
        #expect(two.recorder.bytes == [1])
        #expect(two.arm() == 0)
        #expect(!two.isWakeReadable)
        #expect(one.send([2]) == 1)
        #expect(two.isWakeReadable)
        two.poll()
        #expect(two.recorder.bytes == [1, 2])
        // Made silent before it sleeps again, not while somebody waits for it.
        #expect(two.arm() == 0)
        #expect(!two.isWakeReadable)
    }

    @Test func `wakes a sleeping producer when there is room, and a sleeping owner at the end`() throws {
        let (one, two) = try Meeting.makeSides()
        while one.send([UInt8](repeating: 3, count: 1000)) == 1000 {}
        one.poll()
        #expect(one.arm() == 0)
        while two.poll() > 0 {}
        #expect(one.isWakeReadable)
        one.poll()
        #expect(one.recorder.roomCount == 1)
        #expect(one.arm() == 0)
        two.close()
        #expect(one.isWakeReadable)
        one.poll()
        #expect(one.recorder.ends == [0])
    }

    @Test func `wakes its owner that resumes after it has armed`() throws {
        let (one, two) = try Meeting.makeSides()
        two.recorder.takeLimit = 0
        #expect(one.send([5]) == 1)
        two.poll()
        #expect(two.arm() == 0)
        two.recorder.takeLimit = .max
        two.resume()
        #expect(two.isWakeReadable)
        two.poll()
        #expect(two.recorder.bytes == [5])
    }

    @Test func `is not stopped by bits of nobody, nor by a bit whose ringer died half way`() throws {
        let (one, two) = try Meeting.makeSides()
        let doorbell = two.transport.raw.pointee.doorbell
        for bit in 0..<Doorbell.bitCount { _ = doorbell.ring(bit) }
        #expect(one.send([1]) == 1)
        two.poll()
        #expect(two.recorder.bytes == [1])
        #expect(two.arm() == 0)
        two.poll()

        let words = two.transport.doorbell.memory.baseAddress!.assumingMemoryBound(to: UInt64.self)
        words[32] = .max  // The bits of word 0, without the summary.
        let (three, four) = try Meeting.makeSides(one.transport, two.transport)
        #expect(three.send([7]) == 1)
        four.poll()
        #expect(four.recorder.bytes == [7])
    }
}
