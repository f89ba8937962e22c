import CHandfast
import CSystem
import Glibc
import SeededRandom
import Testing
import TransportAPI

@testable import SharedMemoryTransport

@Suite struct `Reading the peer's heap` {
    private func allocate(_ side: Side, _ byteCount: Int, _ value: UInt8) throws -> UnsafeMutableRawBufferPointer {
        let memory = side.transport.operations.pointee.allocate(side.transport.state, UInt64(byteCount))
        let start = try #require(memory)
        start.initializeMemory(as: UInt8.self, repeating: value, count: byteCount)
        return UnsafeMutableRawBufferPointer(start: start, count: byteCount)
    }

    private func release(_ side: Side, _ memory: UnsafeMutableRawBufferPointer) {
        side.transport.operations.pointee.release(side.transport.state, memory.baseAddress)
    }

    /// What one side reads of the other's memory; nil for an error.
    private func read(_ side: Side, _ address: UInt64, _ byteCount: Int) -> [UInt8]? {
        var bytes = [UInt8](repeating: 0, count: byteCount)
        let before = side.recorder.reads.count
        return bytes.withUnsafeMutableBytes { buffer in
            guard side.read(buffer, from: address, token: 1) == 0 else { return nil }
            while side.recorder.reads.count == before { side.poll() }
            return side.recorder.reads.last?.error == 0 ? Array(buffer) : nil
        }
    }

    private func address(_ memory: UnsafeMutableRawBufferPointer) -> UInt64 {
        UInt64(UInt(bitPattern: memory.baseAddress))
    }

    private func isAll(_ bytes: [UInt8]?, _ value: UInt8) -> Bool { bytes?.allSatisfy { $0 == value } ?? false }

    @Test func `that was there before the connection, or came after it, or has grown`() throws {
        let transports = (try SharedMemoryTransport(), try SharedMemoryTransport())
        let (zero, other) = try Meeting.makeSides(transports.0, transports.1)
        let early = try allocate(other, 100_000, 3)
        #expect(isAll(read(zero, address(early), 100_000), 3))
        #expect(zero.raw.pointee.peerHeap.find(address(early), 100_000) != nil)
        let (one, two) = try Meeting.makeSides(transports.0, transports.1)
        #expect(isAll(read(one, address(early), 100_000), 3))
        let late = try allocate(two, 9 << 20, 4)
        #expect(isAll(read(one, address(late), 9 << 20), 4))
        #expect(one.raw.pointee.peerHeap.find(address(late), 9 << 20) != nil)
    }

    private func isSooner(_ side: Side, _ address: UInt64, _ byteCount: UInt64, isOwn: Int32) -> Bool {
        side.transport.operations.pointee.read_is_sooner(
            UnsafeMutableRawPointer(side.raw), address, byteCount, isOwn) != 0
    }

    @Test func `is what a receiver prefers for the longest payloads, before it has read any`() throws {
        let (one, two) = try Meeting.makeSides()
        let inside = try allocate(two, 4 << 20, 3)
        let outside = UnsafeMutableRawBufferPointer.allocate(byteCount: 4096, alignment: 4096)
        defer { outside.deallocate() }
        #expect(isSooner(one, address(inside), 4 << 20, isOwn: 0))
        #expect(!isSooner(one, address(inside), 64 << 20, isOwn: 0))
        #expect(!isSooner(one, address(outside), 4096, isOwn: 0))
        #expect(!isSooner(one, .max, .max, isOwn: 0))
    }

    @Test func `is what a sender finds in the receiver's wishes, for such memory alone`() throws {
        let (one, two) = try Meeting.makeSides()
        let inside = try allocate(two, 1 << 20, 3)
        let outside = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 4096)
        defer { outside.deallocate() }
        one.raw.pointee.mine.wishes.pointee = 1 << 10
        #expect(isSooner(two, address(inside), 65_536, isOwn: 1))
        #expect(!isSooner(two, address(inside), 1 << 20, isOwn: 1))
        #expect(!isSooner(two, address(outside), 65_536, isOwn: 1))
        one.raw.pointee.mine.wishes.pointee = 1 << 2
        #expect(!isSooner(two, address(inside), 65_536, isOwn: 1))
        #expect(isSooner(two, address(outside), 65_536, isOwn: 1))
    }

    @Test func `leaves all other memory to the system, and what lies across the end`() throws {
        let (one, two) = try Meeting.makeSides()
        let inside = try allocate(two, 4096, 3)
        let outside = UnsafeMutableRawBufferPointer.allocate(byteCount: 4096, alignment: 4096)
        defer { outside.deallocate() }
        outside.initializeMemory(as: UInt8.self, repeating: 9)
        #expect(isAll(read(one, address(outside), 4096), 9))
        #expect(isAll(read(one, address(inside), 4096), 3))
        var heap = one.raw.pointee.peerHeap
        let base = address(inside) - 4096
        let step = UInt64(SharedHeap.stepByteCount)
        #expect(heap.find(base, step) != nil)
        #expect(heap.find(base, step + 1) == nil)
        #expect(heap.find(base + heap.byteCount - 64, 65) == nil)
        #expect(heap.find(base, heap.byteCount + 1) == nil)
        #expect(heap.find(base &- 1, 1) == nil)
        #expect(heap.find(base + 1, .max) == nil)
    }

    @Test func `is what it was while the peer gives it back, and when the peer is gone`() throws {
        let (one, two) = try Meeting.makeSides()
        let memory = try allocate(two, 1 << 20, 3)
        #expect(isAll(read(one, address(memory), 4096), 3))
        release(two, memory)
        #expect(isAll(read(one, address(memory), 1 << 20), 3))
        two.close()
        #expect(read(one, address(memory), 4096) == nil)
        #expect(one.recorder.reads.last?.error == ECONNRESET)
    }

    @Test func `takes address space within a bound, until the connection ends`() throws {
        let (one, two) = try Meeting.makeSides()
        let memory = try allocate(two, 4096, 3)
        one.transport.raw.pointee.mappedByteCount = PeerHeap.totalByteCountLimit - 1 << 20
        #expect(isAll(read(one, address(memory), 4096), 3))
        #expect(one.raw.pointee.peerHeap.byteCount == 0)
        one.transport.raw.pointee.mappedByteCount = 0

        let (three, four) = try Meeting.makeSides(one.transport, two.transport)
        #expect(isAll(read(three, address(memory), 4096), 3))
        #expect(one.transport.raw.pointee.mappedByteCount == UInt64(SharedMemoryTransport.defaultHeapByteCount))
        three.close()
        three.poll()
        #expect(one.transport.raw.pointee.mappedByteCount == 0)
        withExtendedLifetime(four) {}
    }

    /// In a process of its own, all of which is locked.
    @Test func `makes no pages that nobody asked for, also where all memory is locked`() async {
        await #expect(processExitsWith: .success) {
            let both = try (
                SharedMemoryTransport(heapByteCount: 64 << 20), SharedMemoryTransport(heapByteCount: 64 << 20)
            )
            func pages(_ transport: SharedMemoryTransport) -> Int {
                var status = stat()
                fstat(transport.raw.pointee.heap.takeUnretainedValue().descriptor, &status)
                return Int(status.st_blocks) * 512
            }
            guard mlockall(MCL_CURRENT | MCL_FUTURE) == 0 else { return }  // Not allowed.
            let (one, two) = try Meeting.makeSides(both.0, both.1)
            let memory = two.transport.operations.pointee.allocate(two.transport.state, 4096)!
            precondition(pages(both.1) == SharedHeap.stepByteCount)
            let room = UnsafeMutableRawBufferPointer.allocate(byteCount: 4096, alignment: 8)
            precondition(one.read(room, from: UInt64(UInt(bitPattern: memory)), token: 1) == 0)
            precondition(one.raw.pointee.peerHeap.byteCount == 64 << 20)
            mlockall(MCL_CURRENT | MCL_FUTURE)
            precondition(pages(both.1) == SharedHeap.stepByteCount)
        }
    }

    // MARK: What a peer may say

    /// Descriptors that are no heap of the peer's.
    private func decoys() throws -> [Int32] {
        var ends: [Int32] = [0, 0]
        #expect(pipe(&ends) == 0)
        var start: UnsafeMutableRawPointer?
        let stranger = csystem_make_heap(1 << 20, &start)
        #expect(csystem_reserve_heap(stranger, start, 0, 4096) == 0)
        start?.initializeMemory(as: UInt8.self, repeating: 1, count: 4096)
        let small = csystem_make_segment(16, 16)
        let unsealed = open("/dev/shm", O_TMPFILE_RDWR, 0o600)
        return ends + [
            stranger, small, unsealed, open("/dev/zero", O_RDONLY), open("/proc/self/maps", O_RDONLY), 99_999,
        ]
    }

    @Test func `opens nothing but the kernel's own memory`() throws {
        let own = csystem_make_segment(4096, 4096)
        var ends: [Int32] = [0, 0]
        #expect(pipe(&ends) == 0)
        let others = ends + [open("/dev/shm", O_TMPFILE_RDWR, 0o600), open("/dev/zero", O_RDONLY), open("/", O_RDONLY)]
        defer { for descriptor in others + [own] { close(descriptor) } }
        for other in others { #expect(csystem_open_heap(getpid(), other, own) == -EPERM) }
        #expect(csystem_open_heap(getpid(), 99_999, own) == -ENOENT)
        let opened = csystem_open_heap(getpid(), own, own)
        #expect(opened >= 0)
        close(opened)
    }

    @Test func `believes no descriptor, and reads by the system then`() throws {
        let decoys = try decoys()
        defer { for decoy in decoys { close(decoy) } }
        for decoy in decoys {
            let (one, two) = try Meeting.makeSides()
            let memory = try allocate(two, 4096, 3)
            csystem_store_release(one.raw.pointee.peers.heap, UInt64(bitPattern: Int64(decoy) + 1))
            #expect(isAll(read(one, address(memory), 4096), 3))
            #expect(one.raw.pointee.peerHeap.isTried == (decoy >= 0))
            #expect(one.raw.pointee.peerHeap.byteCount == 0, "descriptor \(decoy)")
        }
        let (one, two) = try Meeting.makeSides()
        let memory = try allocate(two, 4096, 3)
        for number: UInt64 in [.max, 1 << 31, 1 << 32, 1 << 63] {
            csystem_store_release(one.raw.pointee.peers.heap, number)
            #expect(isAll(read(one, address(memory), 4096), 3))
            #expect(!one.raw.pointee.peerHeap.isTried)
        }
    }

    /// Only what must hold whatever it says: no trap, one end of each read.
    @Test func `stays inside of it wherever the peer says that it lies`() throws {
        let seed = UInt64.random(in: 0 ... .max)
        print("seed \(seed)")
        var generator = SplitMix64(state: seed)
        for _ in 0..<100 {
            let (one, two) = try Meeting.makeSides()
            let memory = try allocate(two, 4096, 3)
            let header = (memory.baseAddress! - 4096).assumingMemoryBound(to: SharedHeap.Header.self)
            let near = Int.random(in: -10_000...10_000, using: &generator)
            let size = UInt64(SharedMemoryTransport.defaultHeapByteCount)
            let base = [0, .max, 1 << 63, address(memory), address(memory) &- size].randomElement(using: &generator)!
            header.pointee.base = base &+ UInt64(bitPattern: Int64(near))
            header.pointee.reserved = [0, 1, 4096, 3 << 20, size - 1, size, size + 1, .max].randomElement(
                using: &generator)!
            for _ in 0..<20 {
                let starts = [address(memory), header.pointee.base, header.pointee.base &+ size, 0, .max]
                let start = starts.randomElement(using: &generator)!
                let offset = Int64.random(in: -5_000...5_000, using: &generator)
                _ = read(one, start &+ UInt64(bitPattern: offset), Int.random(in: 1...9_000, using: &generator))
            }
            #expect(one.recorder.ends.isEmpty)
        }
    }
}

/// O_TMPFILE | O_RDWR, which is not imported.
private let O_TMPFILE_RDWR: Int32 = 0o20200000 | O_RDWR
