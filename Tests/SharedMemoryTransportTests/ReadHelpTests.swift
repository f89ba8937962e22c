import Glibc
import Testing

@testable import SharedMemoryTransport

@Suite struct `A sender that is polling` {
    private static let byteCount = 8 << 20
    /// One poll reads so much; then the next round has begun.
    private static let pollByteCount = Int(SharedMemoryState.readBudget)
    private let from = Memory(byteCount, 7)
    private let to = Memory(byteCount, 1)

    /// A read whose third round the sender may help with.
    private func begin(_ hub: SharedMemoryTransport? = nil) throws -> (Side, Side) {
        let (one, two) = try Meeting.makeSides(hub ?? SharedMemoryTransport(), SharedMemoryTransport())
        warm(one, two)
        #expect(one.read(to.bytes, from: from.address, token: 1) == 0)
        #expect(one.recorder.reads.isEmpty)
        return (one, two)
    }

    /// Until the second looks at its ring with every poll.
    private func warm(_ one: Side, _ two: Side) {
        #expect(one.send([1]) == 1)
        two.poll()
    }

    private func offer(_ byteCount: UInt64, _ reader: Side) -> UInt64 {
        SharedMemoryChannel.offerPart(of: byteCount, reader.raw, to: to.start, from: from.address)
    }

    private func finish(_ side: Side, _ count: Int = 1) {
        let end = ContinuousClock.now + .seconds(60)
        while side.recorder.reads.count < count, ContinuousClock.now < end { side.poll() }
    }

    @Test func `writes the end of what is read meanwhile`() throws {
        let (one, two) = try begin()
        two.poll()
        let written = Self.pollByteCount + Int(ReadHelp.roundByteCount / 2) + 4_096
        #expect(to.bytes[written..<Self.pollByteCount + Int(ReadHelp.roundByteCount)].allSatisfy { $0 == 7 })
        #expect(to.bytes[Self.pollByteCount..<Self.pollByteCount + 4_096].allSatisfy { $0 == 1 })
        #expect(one.arm() != 0)
        finish(one)
        #expect(one.recorder.reads.map(\.error) == [0])
        #expect(to.bytes.allSatisfy { $0 == 7 })
    }

    @Test func `is not asked when it sleeps, nor for little`() throws {
        let (one, two) = try Meeting.makeSides()
        #expect(offer(1 << 20, one) == 0)
        warm(one, two)
        #expect(offer(16 << 10, one) == 0)
        #expect(offer(1 << 20, one) > 0)
    }

    @Test func `is not asked when the ring has no room for a word of it`() throws {
        let (one, two) = try Meeting.makeSides()
        warm(one, two)
        var count = 1
        while one.send([2]) == 1 { count += 1 }
        #expect(offer(1 << 20, one) == 0)
        while two.poll() > 0 {}
        #expect(two.recorder.bytes.count == count)
        #expect(two.recorder.ends.isEmpty)
    }

    @Test func `is asked less and less when it never helps, and again when it has`() throws {
        let (one, two) = try Meeting.makeSides()
        warm(one, two)
        var offers: [Int] = []
        for number in 0..<40 {
            if offer(1 << 20, one) > 0 {
                offers.append(number)
                if number == 30 { two.poll() }
                let answer = one.raw.pointee.help.settle()
                #expect(answer == (number == 30 ? .written : .refused))
            }
        }
        #expect(offers == [0, 2, 6, 14, 30, 31, 33, 37])
        withExtendedLifetime(two) {}
    }

    @Test func `that took a part and is stopped holds nothing up, and writes nothing when it goes on`() throws {
        let (one, two) = try begin()
        let part = try #require(two.raw.pointee.peersOffer.take(limit: ReadHelp.offerLimit))
        finish(one)
        #expect(one.recorder.reads.map(\.error) == [0])
        #expect(to.bytes.allSatisfy { $0 == 7 })
        to.fill(2)
        #expect(!two.raw.pointee.peersOffer.write(to: getpid(), from: part.source, byteCount: part.byteCount))
        two.raw.pointee.peersOffer.answer(isWritten: false)
        #expect(to.bytes.allSatisfy { $0 == 2 })
        // It is not asked again.
        #expect(offer(1 << 20, one) == 0)
    }

    @Test func `that took a part and is stopped before it sees how long it is has not written it`() throws {
        let (one, two) = try begin()
        // The state, and how long the part is.
        let words = (one.raw.pointee.link.segment.memory.baseAddress! + 192).assumingMemoryBound(to: UInt64.self)
        #expect(words[0] == 1)
        words[0] = 2
        let end = ContinuousClock.now + .seconds(60)
        while words[2] > 0, one.recorder.reads.isEmpty, ContinuousClock.now < end { one.poll() }
        #expect(one.recorder.reads.isEmpty)
        let isWritten = two.raw.pointee.peersOffer.write(to: getpid(), from: words[3], byteCount: words[2])
        two.raw.pointee.peersOffer.answer(isWritten: isWritten)
        finish(one)
        #expect(one.recorder.reads.map(\.error) == [0])
        #expect(to.bytes.allSatisfy { $0 == 7 })
    }

    /// Else a thread that waits would not give up its core, which the sender may need.
    @Test func `that still writes is nothing to do`() throws {
        let (one, two) = try begin()
        #expect(two.raw.pointee.peersOffer.take(limit: ReadHelp.offerLimit) != nil)
        one.poll()
        #expect(one.poll() == 0)
        two.raw.pointee.peersOffer.answer(isWritten: false)
        #expect(one.poll() > 0)
    }

    @Test func `that answers in time when the read has failed is asked again`() throws {
        let (one, two) = try Meeting.makeSides()
        warm(one, two)
        #expect(offer(1 << 20, one) > 0)
        #expect(two.raw.pointee.peersOffer.take(limit: ReadHelp.offerLimit) != nil)
        two.raw.pointee.peersOffer.answer(isWritten: true)
        one.raw.pointee.help.abandon()
        #expect(offer(1 << 20, one) > 0)
    }

    @Test func `that took a part writes nothing after the reader has closed`() throws {
        let (one, two) = try begin()
        let part = try #require(two.raw.pointee.peersOffer.take(limit: ReadHelp.offerLimit))
        // It may be at it: then it is to come to its end. Less would be no time.
        let start = ContinuousClock.now
        one.close()
        #expect(ContinuousClock.now - start > .milliseconds(5))
        to.fill(2)
        #expect(!two.raw.pointee.peersOffer.write(to: getpid(), from: part.source, byteCount: part.byteCount))
        #expect(to.bytes.allSatisfy { $0 == 2 })
    }

    @Test func `that took a part and is stopped holds up no read from another`() throws {
        let hub = try SharedMemoryTransport()
        let (one, two) = try begin(hub)
        let (three, four) = try Meeting.makeSides(hub, SharedMemoryTransport())
        #expect(two.raw.pointee.peersOffer.take(limit: ReadHelp.offerLimit) != nil)
        let place = Memory(8_192, 1)
        #expect(three.read(place.bytes, from: from.address, token: 2) == 0)
        one.poll()
        #expect(three.recorder.reads.map(\.error) == [0])
        #expect(one.recorder.reads.isEmpty)
        #expect(place.bytes.allSatisfy { $0 == 7 })
        withExtendedLifetime(four) {}
    }

    @Test func `that is waited for is not forgotten when other reads begin meanwhile`() throws {
        let hub = try SharedMemoryTransport()
        let (one, two) = try begin(hub)
        let (three, four) = try Meeting.makeSides(hub, SharedMemoryTransport())
        #expect(two.raw.pointee.peersOffer.take(limit: ReadHelp.offerLimit) != nil)
        let place = Memory(Self.byteCount, 1)
        #expect(three.read(place.bytes, from: from.address, token: 2) == 0)
        one.poll()
        #expect(three.read(.init(rebasing: place.bytes[..<4_096]), from: from.address, token: 3) == 0)
        two.raw.pointee.peersOffer.answer(isWritten: false)
        finish(three, 2)
        finish(one)
        #expect(three.recorder.reads.map(\.token) == [2, 3])
        #expect(one.recorder.reads.map(\.token) == [1])
        withExtendedLifetime(four) {}
    }

    @Test func `that cannot write leaves it to the reader`() throws {
        let (one, two) = try begin()
        let part = try #require(two.raw.pointee.peersOffer.take(limit: ReadHelp.offerLimit))
        #expect(!two.raw.pointee.peersOffer.write(to: getpid(), from: 4_096, byteCount: part.byteCount))
        two.raw.pointee.peersOffer.answer(isWritten: false)
        finish(one)
        #expect(one.recorder.reads.map(\.error) == [0])
        #expect(to.bytes.allSatisfy { $0 == 7 })
    }

    @Test func `is offered nothing any more when the read has failed`() throws {
        let (one, two) = try Meeting.makeSides()
        warm(one, two)
        #expect(one.read(to.bytes, from: 4_096, token: 1) == 0)
        #expect(one.recorder.reads.map(\.error) == [EFAULT])
        #expect(two.raw.pointee.peersOffer.take(limit: ReadHelp.offerLimit) == nil)
        two.poll()
        #expect(to.bytes.allSatisfy { $0 == 1 })
    }

    /// Else it might take the place of the next offer for that of this one.
    @Test func `that still writes when the read has failed is not asked again`() throws {
        let begun = Self.pollByteCount
        let from = mmap(nil, Self.byteCount, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)!
        defer { munmap(from, Self.byteCount) }
        #expect(mprotect(from + begun, Self.byteCount - begun, PROT_NONE) == 0)
        let (one, two) = try Meeting.makeSides()
        warm(one, two)
        #expect(one.read(to.bytes, from: UInt64(UInt(bitPattern: from)), token: 1) == 0)
        #expect(one.recorder.reads.isEmpty)
        #expect(two.raw.pointee.peersOffer.take(limit: ReadHelp.offerLimit) != nil)
        finish(one)
        #expect(one.recorder.reads.map(\.error) == [EFAULT])
        #expect(offer(1 << 20, one) == 0)
    }

    @Test func `writes all or nothing of a part, and nothing of one that is too long`() throws {
        let (one, two) = try Meeting.makeSides()
        warm(one, two)
        one.raw.pointee.help.open(to.start, from: from.address, byteCount: ReadHelp.offerLimit + 1)
        SharedMemoryChannel.takeOffer(two.raw)
        #expect(one.raw.pointee.help.settle() == .refused)
        #expect(to.bytes.allSatisfy { $0 == 1 })
    }

    @Test func `has its time by a clock that may go back between cores`() {
        #expect(!ReadHelp.isOver(10, since: 100, now: 99))
        #expect(!ReadHelp.isOver(10, since: 100, now: 110))
        #expect(ReadHelp.isOver(10, since: 100, now: 111))
        #expect(ReadHelp.isOver(10, since: .max - 2, now: 20))
    }

    /// Else a peer that is told of offers for ever would never let go of the thread.
    @Test func `takes no more than a poll's share of words of offers`() throws {
        let (one, two) = try Meeting.makeSides()
        for _ in 0..<100 {
            let room = one.raw.pointee.producer.reserve(0)
            #expect(room != nil)
            one.raw.pointee.producer.publishOffer()
        }
        #expect(one.send([9]) == 1)
        two.poll()
        #expect(two.recorder.bytes.isEmpty)
        two.poll()
        #expect(two.recorder.bytes == [9])
        #expect(two.recorder.ends.isEmpty)
    }

    /// Else peers that are helped for ever would keep it from its own reads.
    @Test func `helps with so many bytes per poll, and reads as many as without`() throws {
        let (one, two) = try Meeting.makeSides()
        warm(one, two)
        var count = 0
        while count < 100, offer(2 << 20, one) > 0 {
            SharedMemoryChannel.takeOffer(two.raw)
            guard one.raw.pointee.help.settle() == .written else { break }
            count += 1
        }
        #expect(count == 5)
        let place = Memory(8_192, 1)
        #expect(two.read(place.bytes, from: from.address, token: 2) == 0)
        #expect(two.recorder.reads.map(\.error) == [0])
    }

    /// Else one that may not would have it write what it cannot read.
    @Test func `helps nobody who has not shown that it can read this process`() throws {
        let (one, two) = try Meeting.makeSides()
        warm(one, two)
        one.raw.pointee.mine.reads.pointee = 1
        #expect(offer(1 << 20, one) > 0)
        two.poll()
        #expect(one.raw.pointee.help.settle() == .refused)
        #expect(to.bytes.allSatisfy { $0 == 1 })
    }

    @Test func `proves who the reader is before it writes`() throws {
        let (one, two) = try Meeting.makeSides()
        warm(one, two)
        one.transport.raw.pointee.proof.pointee = Nonce(high: 1, low: 2)
        usleep(10_000)
        #expect(offer(1 << 20, one) > 0)
        two.poll()
        #expect(one.raw.pointee.help.settle() == .refused)
        #expect(to.bytes.allSatisfy { $0 == 1 })
    }

    @Test func `writes to no process that it was never able to reach`() throws {
        let (one, two) = try Meeting.makeSides()
        warm(one, two)
        #expect(offer(1 << 20, one) > 0)
        two.raw.pointee.link.peerMemory = PeerMemory(pid: getpid(), proofAddress: 8, proof: Nonce(high: 1, low: 2))
        SharedMemoryChannel.takeOffer(two.raw)
        #expect(one.raw.pointee.help.settle() == .refused)
        #expect(to.bytes.allSatisfy { $0 == 1 })
    }

    @Test func `writes to nobody but the process that it met`() throws {
        let proof = UnsafeMutablePointer<Nonce>.allocate(capacity: 1)
        defer { proof.deallocate() }
        proof.initialize(to: Nonce(high: 1, low: 2))
        var memory = PeerMemory(pid: getpid(), proofAddress: UInt64(UInt(bitPattern: proof)), proof: proof.pointee)
        proof.pointee = Nonce(high: 1, low: 3)
        usleep(10_000)
        let isThere = memory.isStillThere()
        #expect(!isThere)
    }
}

/// Pages with one value in them.
private final class Memory {
    let bytes: UnsafeMutableRawBufferPointer

    init(_ byteCount: Int, _ value: UInt8) {
        bytes = .allocate(byteCount: byteCount, alignment: 4_096)
        fill(value)
    }

    deinit { bytes.deallocate() }

    var start: UnsafeMutableRawPointer { bytes.baseAddress! }
    var address: UInt64 { UInt64(UInt(bitPattern: start)) }
    func fill(_ value: UInt8) { bytes.initializeMemory(as: UInt8.self, repeating: value) }
}
