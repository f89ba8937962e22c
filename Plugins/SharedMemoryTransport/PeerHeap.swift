import CSystem
import Glibc

/// The peer's `SharedHeap`, mapped to read. All that it says is checked here, and its size is sealed.
// Safe: what `find` returns lies in the mapping, which cannot shrink and stays until `unmap`.
@safe struct PeerHeap {
    /// Of one peer, and of all together.
    static let byteCountLimit: UInt64 = 64 << 30
    static let totalByteCountLimit: UInt64 = 8 << 40

    private var start: UnsafeMutableRawPointer?
    private var base: UInt64 = 0
    /// Mapped; what has no pages is out of reach, so that nothing here makes them.
    private(set) var byteCount: UInt64 = 0
    /// From the beginning.
    private var readable: UInt64 = 0
    /// Whatever came of it: it is tried once.
    private(set) var isTried = false

    // Hot path.
    /// Where so many bytes of the peer's lie here; nil when not all are in its heap.
    mutating func find(_ address: UInt64, _ byteCount: UInt64) -> UnsafeRawPointer? {
        let offset = address &- base
        guard offset < self.byteCount, byteCount <= self.byteCount - offset else { return nil }
        guard offset + byteCount <= readable || reach(offset + byteCount) else { return nil }
        return unsafe UnsafeRawPointer(start! + Int(offset))
    }

    /// The heap may have grown.
    private mutating func reach(_ end: UInt64) -> Bool {
        guard let start = unsafe start else { return false }
        let offset = MemoryLayout<SharedHeap.Header>.offset(of: \.reserved)!
        let reserved = unsafe csystem_load_acquire((start + offset).assumingMemoryBound(to: UInt64.self))
        guard reserved >= end, reserved <= byteCount, unsafe mprotect(start, Int(reserved), PROT_READ) == 0 else {
            return false
        }
        readable = reserved
        return true
    }

    /// Maps it if it is what it should be.
    /// - Parameters:
    ///   - number: the peer's descriptor of it.
    ///   - own: a descriptor of such memory of this process.
    ///   - room: the most bytes of address space.
    mutating func map(pid: Int32, number: Int32, own: Int32, proof: Nonce, room: UInt64) {
        isTried = true
        let descriptor = csystem_open_heap(pid, number, own)
        guard descriptor >= 0 else { return }
        defer { close(descriptor) }
        let size = csystem_segment_byte_count(descriptor)
        guard size >= SharedHeap.lineByteCount, UInt64(size) <= min(PeerHeap.byteCountLimit, room),
            let mapping = unsafe csystem_map_out_of_reach(descriptor, UInt64(size))
        else { return }
        guard unsafe mprotect(mapping, SharedHeap.lineByteCount, PROT_READ) == 0,
            case let header = unsafe mapping.load(as: SharedHeap.Header.self), header.proof == proof
        else {
            unsafe munmap(mapping, Int(size))
            return
        }
        unsafe start = mapping
        (base, byteCount) = (header.base, UInt64(size))
    }

    mutating func unmap() {
        guard let mapping = unsafe start else { return }
        unsafe munmap(mapping, Int(byteCount))
        unsafe (start, byteCount, readable) = (nil, 0, 0)
    }
}
