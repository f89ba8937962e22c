import CSystem
import Glibc
import SeededRandom
import Testing

@testable import SharedMemoryTransport

@Suite struct `Bulk memory` {
    private func sample(_ byteCount: Int) -> [UInt8] {
        (0..<byteCount).map { UInt8(truncatingIfNeeded: $0 &* 167 >> 5) }
    }

    /// Of the memory that a side may write to.
    private func pagesInUse(_ side: Side) -> Int {
        let pageByteCount = 4096
        var pages = [UInt8](repeating: 0, count: BulkMemory.byteCount / pageByteCount)
        let whole = side.raw.pointee.link.segment.mapWhole()!
        let offset = PairMemory.bulkOffset(of: side.raw.pointee.link.role, isOutgoing: true)
        #expect(mincore(whole + offset, BulkMemory.byteCount, &pages) == 0)
        return pages.count { $0 & 1 != 0 }
    }

    @Test func `costs a connection nothing before its first long message`() throws {
        let (one, two) = try Meeting.makeSides()
        #expect(one.send(sample(3000)) == 3000)
        two.poll()
        #expect(pagesInUse(one) == 0)
        #expect(one.send(sample(9000)) == 9000)
        #expect(pagesInUse(one) == BulkMemory.byteCount / 4096)
    }

    @Test func `takes a long run whole, up to its size, before the peer has read anything`() throws {
        let (one, two) = try Meeting.makeSides()
        let bytes = sample(BulkMemory.byteCount + 50_000)
        let taken = one.send(bytes)
        #expect(taken == BulkMemory.byteCount)
        #expect(one.send(bytes[taken...]) == 0)
        while two.poll() > 0 {}
        #expect(one.poll() == 1)
        #expect(one.send(bytes[taken...]) == 50_000)
        while two.poll() > 0 {}
        #expect(Bool(two.recorder.bytes == bytes))
    }

    @Test(arguments: [BulkMemory.slotByteCount, BulkMemory.partByteCount])
    func `shares a run so that every slot is worth it`(wanted: Int) {
        for byteCount in BulkMemory.leastByteCount...(40 << 10) {
            let share = BulkMemory.share(of: byteCount, wanted: wanted)
            let rest = byteCount - share
            guard (BulkMemory.leastByteCount...BulkMemory.slotByteCount).contains(share),
                rest == 0 || rest >= BulkMemory.leastByteCount
            else {
                Issue.record("\(share) of \(byteCount)")
                return
            }
        }
    }

    @Test func `keeps the order of long and short pieces, whatever their sizes`() throws {
        let seed = UInt64.random(in: 0 ... .max)
        print("seed \(seed)")
        var generator = SplitMix64(state: seed)
        let (one, two) = try Meeting.makeSides()
        var expected: [UInt8] = []
        for _ in 0..<400 {
            let parts = (0..<Int.random(in: 1...4, using: &generator)).map { _ in
                let limit = [20, 4000, 9000, 60_000].randomElement(using: &generator)!
                let first = UInt8.random(in: 0...255, using: &generator)
                return (0..<Int.random(in: 0...limit, using: &generator)).map { first &+ UInt8(truncatingIfNeeded: $0) }
            }
            let whole = parts.flatMap { $0 }
            one.raw.pointee.producer.distance = Bool.random(using: &generator) ? 0 : 799
            expected += whole[..<one.send(parts)]
            two.recorder.takeLimit = Bool.random(using: &generator) ? .max : 3000
            if Bool.random(using: &generator) { two.poll() }
            two.resume()
            one.poll()
        }
        two.recorder.takeLimit = .max
        two.resume()
        while two.poll() > 0 {}
        #expect(Bool(two.recorder.bytes == expected))
    }

    @Test func `that cannot be had leaves all to the ring`() throws {
        let (one, two) = try Meeting.makeSides()
        one.transport.raw.pointee.bulkLimit = 0
        let bytes = sample(100_000)
        var sent = 0
        while two.recorder.bytes.count < bytes.count {
            sent += one.send(bytes[sent...])
            two.poll()
            one.poll()
        }
        #expect(Bool(two.recorder.bytes == bytes))
        #expect(pagesInUse(one) == 0)
    }

    /// Connections of one endpoint, of which all but the last have sent these bytes, and so have all there is.
    /// - Parameter isRead: whether their peers have read them.
    private func makeCrowd(_ bytes: [UInt8], isRead: (Int) -> Bool = { _ in true }) throws -> [(Side, Side)] {
        let hub = try SharedMemoryTransport()
        let pairs = try (0...SharedMemoryState.bulkLimit).map { _ in
            try Meeting.makeSides(hub, SharedMemoryTransport())
        }
        for (number, (near, far)) in pairs.dropLast().enumerated() {
            #expect(near.send(bytes) == bytes.count)
            near.poll()
            if isRead(number) { while far.poll() > 0 {} }
        }
        return pairs
    }

    @Test func `goes to those that used it last, and never from one whose peer has not read it`() throws {
        let bytes = sample(20_000)
        let pairs = try makeCrowd(bytes) { $0 != 0 }
        let (near, far) = pairs.last!
        // All of them have just used it.
        #expect(near.send(bytes[..<5_000]) == 5_000)
        #expect(near.raw.pointee.bulk == nil)
        while far.poll() > 0 {}
        for _ in 0..<SharedMemoryState.bulkLease { near.poll() }
        #expect(near.send(bytes[5_000...]) == bytes.count - 5_000)
        while far.poll() > 0 {}
        #expect(Bool(far.recorder.bytes == bytes))
        let owners = pairs.map { $0.0.raw.pointee.bulk != nil }
        #expect(owners == [true, false] + [Bool](repeating: true, count: pairs.count - 2))
        #expect(pagesInUse(pairs[1].0) == 0)
        let reader = pairs[0].1
        while reader.poll() > 0 {}
        #expect(Bool(reader.recorder.bytes == bytes))
        // Who lost it gets it again, and begins where its peer expects.
        let (loser, listener) = pairs[1]
        #expect(loser.send(bytes) == bytes.count)
        while listener.poll() > 0 {}
        #expect(Bool(listener.recorder.bytes == bytes + bytes))
    }

    @Test func `is read to its end after its writer has closed`() throws {
        let (one, two) = try Meeting.makeSides()
        let bytes = sample(200_000)
        #expect(one.send(bytes) == bytes.count)
        one.close()
        while two.poll() > 0 {}
        #expect(Bool(two.recorder.bytes == bytes))
        #expect(two.recorder.ends == [0])
    }

    @Test func `says that there is room to a sender that sleeps`() throws {
        let (one, two) = try Meeting.makeSides()
        let bytes = sample(BulkMemory.byteCount + 50_000)
        #expect(one.send(bytes) == BulkMemory.byteCount)
        one.poll()
        #expect(one.arm() == 0)
        #expect(!one.isWakeReadable)
        two.poll()
        #expect(one.isWakeReadable)
        #expect(one.poll() == 1)
        #expect(one.recorder.roomCount == 1)
    }

    @Test func `does not let a sender sleep that has room`() throws {
        let (one, two) = try Meeting.makeSides()
        #expect(one.send(sample(BulkMemory.byteCount + 50_000)) == BulkMemory.byteCount)
        one.poll()
        two.poll()
        #expect(one.arm() != 0)
        #expect(one.poll() == 1)
        #expect(one.recorder.roomCount == 1)
    }

    @Test func `is given back though the program has locked its pages`() throws {
        let bytes = sample(20_000)
        let pairs = try makeCrowd(bytes)
        let first = pairs[0].0
        let offset = PairMemory.bulkOffset(of: first.raw.pointee.link.role, isOutgoing: true)
        let area = first.raw.pointee.link.segment.mapWhole()! + offset
        // As mlockall does, where the limit allows it.
        guard mlock(area, BulkMemory.byteCount) == 0 else { return }
        for _ in 0..<SharedMemoryState.bulkLease { first.poll() }
        #expect(pairs.last!.0.send(bytes) == bytes.count)
        #expect(pagesInUse(first) == 0)
    }

    @Test func `is asked for again after a while when there was none`() throws {
        let (one, two) = try Meeting.makeSides()
        one.transport.raw.pointee.nextBulk = one.transport.raw.pointee.pollCount + 2
        #expect(one.send(sample(5_000)) == 5_000)
        #expect(one.raw.pointee.bulk == nil)
        for _ in 0..<2 { one.poll() }
        while two.poll() > 0 {}
        #expect(one.send(sample(5_000)) == 5_000)
        #expect(one.raw.pointee.bulk != nil)
        while two.poll() > 0 {}
        #expect(Bool(two.recorder.bytes == sample(5_000) + sample(5_000)))
    }
}
