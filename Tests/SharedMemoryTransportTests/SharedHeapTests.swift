import CSystem
import Glibc
import SeededRandom
import Testing

@testable import SharedMemoryTransport

@Suite struct `The heap of an endpoint` {
    private let proof = Nonce(high: 1, low: 2)

    @Test func `gives memory that is aligned, apart and writable, and takes it back`() {
        let seed = UInt64.random(in: 0 ... .max)
        print("seed \(seed)")
        var generator = SplitMix64(state: seed)
        let heap = SharedHeap(limit: 64 << 20, proof: proof)
        var blocks: [(memory: UnsafeMutableRawPointer, count: Int, value: UInt8)] = []
        for round in 0..<2_000 {
            if blocks.count > 40 || Bool.random(using: &generator), let block = blocks.randomElement(using: &generator)
            {
                let bytes = UnsafeRawBufferPointer(start: block.memory, count: block.count)
                #expect(bytes.allSatisfy { $0 == block.value })
                heap.release(block.memory)
                blocks.removeAll { $0.memory == block.memory }
                continue
            }
            let count = 1 << Int.random(in: 0...17, using: &generator) + Int.random(in: -1...1, using: &generator)
            guard let memory = heap.allocate(count) else {
                Issue.record("no memory")
                return
            }
            #expect(Int(bitPattern: memory) % (count < 4096 ? 64 : 4096) == 0)
            let value = UInt8(truncatingIfNeeded: round)
            memory.initializeMemory(as: UInt8.self, repeating: value, count: count)
            blocks.append((memory, count, value))
        }
    }

    @Test func `has a limit, and nothing where there is no room`() {
        #expect(SharedHeap(limit: 0, proof: proof).allocate(1) == nil)
        let heap = SharedHeap(limit: 5 << 20, proof: proof)
        #expect(heap.allocate(.max) == nil)
        #expect(heap.allocate(5 << 20) == nil)
        let memory = heap.allocate(5 << 20 - 4096)
        #expect(memory != nil)
        // The first page has the header and a little room.
        #expect(heap.allocate(4096) == nil)
        #expect(heap.allocate(64) != nil)
        heap.release(memory!)
        #expect(heap.allocate(5 << 20 - 4096) == memory)
    }

    @Test func `is left as it was when the system has no more memory`() {
        let heap = SharedHeap(limit: 16 << 20, proof: proof)
        let first = heap.allocate(64)!
        let start = first - 64
        // Pages that cannot be had: there is no more of the file than one.
        let file = csystem_make_segment(4096, 4096)
        defer { close(file) }
        let rest = start + SharedHeap.stepByteCount
        #expect(mmap(rest, 14 << 20, PROT_NONE, MAP_SHARED | MAP_FIXED, file, 0) == rest)
        #expect(heap.allocate(3 << 20) == nil)
        #expect(heap.allocate(4096) == start + 4096)
        #expect(heap.allocate(3 << 20) == nil)
    }

    @Test func `cannot be had without address space or files of its size`() async {
        await #expect(processExitsWith: .success) {
            signal(SIGXFSZ, SIG_IGN)
            var limit = rlimit(rlim_cur: 1 << 20, rlim_max: rlim_t.max)
            setrlimit(__rlimit_resource_t(1), &limit)  // RLIMIT_FSIZE
            let heap = SharedHeap(limit: 16 << 20, proof: Nonce(high: 1, low: 2))
            precondition(heap.allocate(64) == nil && heap.descriptor < 0 && heap.allocate(64) == nil)
        }
    }

    @Test func `can be neither cut nor written to through its descriptor`() throws {
        let heap = SharedHeap(limit: 4 << 20, proof: proof)
        let memory = try #require(heap.allocate(64))
        #expect(csystem_segment_byte_count(heap.descriptor) == 4 << 20)
        #expect(ftruncate(heap.descriptor, 4096) < 0)
        #expect(ftruncate(heap.descriptor, 8 << 20) < 0)
        #expect(mmap(nil, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, heap.descriptor, 0) == MAP_FAILED)
        #expect(write(heap.descriptor, "x", 1) < 0)
        memory.storeBytes(of: 7, as: UInt8.self)
    }
}
