import CVerbs
import Glibc

/// Pinned buffers of one device, to receive in and to send from; raw, made as they are needed and kept.
@unsafe struct BufferPool {
    /// The most bytes of a frame.
    static let bufferByteCount = 4096
    private static let slabBufferCount = 64
    static let slabByteCount = slabBufferCount * bufferByteCount

    private let device: OpaquePointer
    private let slabLimit: Int
    private var slabCount = 0
    private let starts: UnsafeMutablePointer<UnsafeMutableRawPointer>
    private let regions: UnsafeMutablePointer<OpaquePointer>
    private let keys: UnsafeMutablePointer<UInt32>
    /// Behind each buffer the next one of its list, -1 behind the last.
    let next: UnsafeMutablePointer<Int32>
    private var firstFree: Int32 = -1
    private(set) var freeCount = 0
    /// Why the last slab could not be had; 0 when it could.
    private(set) var error: Int32 = 0

    init(_ device: OpaquePointer, bufferLimit: Int) {
        unsafe self.device = unsafe device
        unsafe slabLimit = unsafe (bufferLimit + Self.slabBufferCount - 1) / Self.slabBufferCount
        unsafe starts = unsafe .allocate(capacity: slabLimit)
        unsafe regions = unsafe .allocate(capacity: slabLimit)
        unsafe keys = unsafe .allocate(capacity: slabLimit)
        unsafe next = unsafe .allocate(capacity: slabLimit * Self.slabBufferCount)
    }

    /// No queue pair or receive queue may use them any more.
    func deallocate() {
        for index in unsafe 0..<slabCount {
            unsafe cverbs_deregister(regions[index])
            unsafe munmap(starts[index], Self.slabByteCount)
        }
        unsafe starts.deallocate()
        unsafe regions.deallocate()
        unsafe keys.deallocate()
        unsafe next.deallocate()
    }

    // Hot path.
    func start(of buffer: Int32) -> UnsafeMutableRawPointer {
        unsafe starts[Int(buffer) / Self.slabBufferCount] + Int(buffer) % Self.slabBufferCount * Self.bufferByteCount
    }

    // Hot path.
    func localKey(of buffer: Int32) -> UInt32 { unsafe keys[Int(buffer) / Self.slabBufferCount] }

    // Hot path.
    /// Nil when no more memory may be pinned.
    mutating func take() -> Int32? {
        if unsafe firstFree < 0, unsafe !addSlab() { return nil }
        let buffer = unsafe firstFree
        unsafe firstFree = unsafe next[Int(buffer)]
        unsafe freeCount -= 1
        return buffer
    }

    /// Makes sure that so many are free; false when no more memory may be pinned.
    mutating func prepare(_ count: Int) -> Bool {
        while unsafe freeCount < count { guard unsafe addSlab() else { return false } }
        return true
    }

    // Hot path.
    mutating func give(_ buffer: Int32) {
        unsafe next[Int(buffer)] = unsafe firstFree
        unsafe firstFree = buffer
        unsafe freeCount += 1
    }

    private mutating func addSlab() -> Bool {
        guard unsafe slabCount < slabLimit else {
            unsafe error = ENOBUFS
            return false
        }
        let memory = unsafe mmap(nil, Self.slabByteCount, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
        guard let memory = unsafe memory, unsafe memory != MAP_FAILED else {
            unsafe error = ENOMEM
            return false
        }
        var status: Int32 = 0
        guard
            let region = unsafe cverbs_register(device, memory, UInt64(Self.slabByteCount), CVERBS_LOCAL_WRITE, &status)
        else {
            unsafe error = -status
            unsafe munmap(memory, Self.slabByteCount)
            return false
        }
        unsafe (starts + slabCount).initialize(to: memory)
        unsafe (regions + slabCount).initialize(to: region)
        unsafe (keys + slabCount).initialize(to: cverbs_local_key(region))
        let first = unsafe Int32(slabCount * Self.slabBufferCount)
        unsafe slabCount += 1
        for index in unsafe 0..<Int32(Self.slabBufferCount) { unsafe give(first + index) }
        unsafe error = 0
        return true
    }
}
