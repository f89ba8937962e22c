import Glibc
import Testing

@testable import SharedMemoryTransport

@Suite struct `Reading the peer's memory` {
    private func makeBuffer(_ byteCount: Int, _ value: UInt8) -> UnsafeMutableRawBufferPointer {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: byteCount, alignment: 4096)
        buffer.initializeMemory(as: UInt8.self, repeating: value)
        return buffer
    }

    private func address(_ buffer: UnsafeMutableRawBufferPointer) -> UInt64 {
        UInt64(UInt(bitPattern: buffer.baseAddress))
    }

    @Test(arguments: [0, 1, 4096, 1_000_003, 4 << 20, 10 << 20])
    func `copies so many bytes and says when`(byteCount: Int) throws {
        let (one, two) = try Meeting.makeSides()
        let (from, to) = (makeBuffer(max(1, byteCount), 7), makeBuffer(byteCount + 1, 1))
        defer { for buffer in [from, to] { buffer.deallocate() } }
        #expect(one.read(.init(rebasing: to[..<byteCount]), from: address(from), token: 42) == 0)
        let pollCount = max(0, (byteCount - 1) >> 22)
        for _ in 0..<pollCount {
            #expect(one.recorder.reads.isEmpty)
            #expect(one.arm() != 0)
            one.poll()
        }
        #expect(one.recorder.reads.map(\.token) == [42])
        #expect(one.recorder.reads.map(\.error) == [0])
        #expect(to[..<byteCount].allSatisfy { $0 == 7 })
        #expect(to[byteCount] == 1)
        withExtendedLifetime(two) {}
    }

    @Test func `ends in the order of the calls, however long the first takes`() throws {
        let (one, two) = try Meeting.makeSides()
        let (from, to) = (makeBuffer(12 << 20, 7), makeBuffer(12 << 20, 1))
        defer { for buffer in [from, to] { buffer.deallocate() } }
        #expect(one.read(to, from: address(from), token: 1) == 0)
        #expect(one.read(.init(rebasing: to[..<4_096]), from: address(from), token: 2) == 0)
        for _ in 0..<4 { one.poll() }
        #expect(one.recorder.reads.map(\.token) == [1, 2])
        withExtendedLifetime(two) {}
    }

    @Test func `fails once the peer has closed, because the memory may be in use again`() throws {
        let (one, two) = try Meeting.makeSides()
        let (from, to) = (makeBuffer(4096, 7), makeBuffer(4096, 1))
        defer { for buffer in [from, to] { buffer.deallocate() } }
        two.close()
        #expect(one.read(to, from: address(from), token: 1) == 0)
        #expect(one.recorder.reads.map(\.error) == [ECONNRESET])
    }

    @Test func `fails with an errno for memory that the peer has not`() throws {
        let (one, two) = try Meeting.makeSides()
        let to = makeBuffer(100, 1)
        defer { to.deallocate() }
        #expect(one.read(to, from: 4096, token: 1) == 0)
        #expect(one.recorder.reads.map(\.error) == [EFAULT])
        #expect(one.read(to, from: .max - 10, token: 2) == EINVAL)
        #expect(one.recorder.reads.count == 1)
        withExtendedLifetime(two) {}
    }

    /// The stream is timed there too, else reading would never be known to be quicker.
    @Test func `is wished where there is no bulk memory to compare with`() throws {
        let (one, two) = try Meeting.makeSides()
        two.transport.raw.pointee.bulkLimit = 0
        let (from, to) = (makeBuffer(65_536, 7), makeBuffer(65_536, 1))
        defer { for buffer in [from, to] { buffer.deallocate() } }
        let bytes = Array(from)
        one.recorder.place = to
        for _ in 0..<4 {
            one.recorder.placedCount = 0
            var (sent, polls) = (0, 0)
            while sent < bytes.count, polls < 1_000 {
                sent += two.send(bytes[sent...])
                one.poll()
                two.poll()
                polls += 1
            }
            while one.poll() > 0 {}
            #expect(sent == bytes.count)
        }
        #expect(two.raw.pointee.bulk == nil)
        // Any time would be shorter: what came before took some.
        let wishes = SharedMemoryChannel.choice(of: one.raw).pointee.noteRead(65_536, isInHeap: false, ticks: 1)
        #expect(wishes == 0b100)
    }

    @Test func `is tried, and then chosen, by the receiver when payloads are announced in any case`() throws {
        let (one, two) = try Meeting.makeSides()
        let raw = UnsafeMutableRawPointer(one.raw)
        func isSooner() -> Int32 { sharedMemoryReadIsSooner(raw, 1 << 30, 4 << 20, 0) }
        #expect((0..<14).map { _ in isSooner() } == Array(repeating: 0, count: 8) + Array(repeating: 1, count: 6))
        one.raw.pointee.mine.wishes.pointee = 1 << 7
        #expect((0..<8).map { _ in isSooner() } == Array(repeating: 1, count: 8))
        #expect(isSooner() == 0)
        withExtendedLifetime(two) {}
    }

    @Test func `is wished no more when it fails`() throws {
        let (one, two) = try Meeting.makeSides()
        let (from, to) = (makeBuffer(65_536, 7), makeBuffer(65_536, 1))
        defer { for buffer in [from, to] { buffer.deallocate() } }
        for number in 0..<60 as Range<UInt64> {
            SharedMemoryChannel.choice(of: one.raw).pointee.notePart(
                8_192, line: number, lineCount: 1, now: number << 28)
        }
        for _ in 0..<4 { #expect(one.read(to, from: address(from), token: 1) == 0) }
        #expect(two.raw.pointee.peers.wishes.pointee == 0b100)
        for _ in 0..<100 { #expect(one.read(to, from: 4_096, token: 1) == 0) }
        #expect(two.raw.pointee.peers.wishes.pointee == 0)
        #expect(one.recorder.reads.map(\.error) == Array(repeating: 0, count: 4) + Array(repeating: EFAULT, count: 100))
    }

    @Test func `fails when the number of the peer's process belongs to another one`() throws {
        let proof = UnsafeMutablePointer<Nonce>.allocate(capacity: 1)
        let (from, to) = (makeBuffer(4096, 7), makeBuffer(4096, 1))
        defer {
            proof.deallocate()
            for buffer in [from, to] { buffer.deallocate() }
        }
        proof.initialize(to: Nonce(high: 1, low: 2))
        var memory = PeerMemory(pid: getpid(), proofAddress: UInt64(UInt(bitPattern: proof)), proof: proof.pointee)
        #expect(memory.obstacle == nil)
        #expect(memory.read(to.baseAddress!, from: address(from), byteCount: 4096) == 4096)
        // A proof is good for 100 us; to wait longer changes nothing.
        usleep(10_000)
        #expect(memory.read(to.baseAddress!, from: address(from), byteCount: 4096) == 4096)
        proof.pointee = Nonce(high: 1, low: 3)
        usleep(10_000)
        #expect(memory.read(to.baseAddress!, from: address(from), byteCount: 4096) == -Int64(ESRCH))
        let other = PeerMemory(
            pid: getpid(), proofAddress: UInt64(UInt(bitPattern: proof)), proof: Nonce(high: 1, low: 2))
        #expect(other.obstacle != nil)
    }

    @Test func `ends with an error when the peer closes first, and in silence when its engine does`() throws {
        let (one, two) = try Meeting.makeSides()
        let (from, to) = (makeBuffer(20 << 20, 7), makeBuffer(20 << 20, 1))
        defer { for buffer in [from, to] { buffer.deallocate() } }
        #expect(one.read(to, from: address(from), token: 1) == 0)
        #expect(one.read(to, from: address(from), token: 2) == 0)
        two.close()
        one.poll()
        #expect(one.recorder.reads.map(\.token) == [1, 2])
        #expect(one.recorder.reads.map(\.error) == [ECONNRESET, ECONNRESET])
        #expect(one.recorder.ends == [0])

        let (three, four) = try Meeting.makeSides()
        #expect(three.read(to, from: address(from), token: 3) == 0)
        three.close()
        three.poll()
        #expect(three.recorder.reads.isEmpty)
        withExtendedLifetime(four) {}
    }
}
