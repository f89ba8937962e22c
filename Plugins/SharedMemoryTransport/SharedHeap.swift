import CSystem
import Glibc

/// Memory of this endpoint that its program takes and its peers map to read: one segment, made when it is first asked for.
///
/// Which of it is taken stands elsewhere, out of everybody's reach. Pages that it once has stay until the endpoint ends, so that
/// a peer finds no hole.
// Safe: all offsets come from `free`, which is no larger than what has pages.
@safe final class SharedHeap {
    /// Pages are reserved in such steps.
    static let stepByteCount = 2 << 20
    static let pageByteCount = 4096
    static let lineByteCount = 64

    /// What a peer finds at the beginning.
    struct Header {
        /// Of the endpoint, so that no other process's memory is taken for it.
        var proof: Nonce
        /// Where the memory lies for its owner.
        var base: UInt64
        /// Of the memory, from its beginning, so many bytes have pages.
        var reserved: UInt64
    }

    /// Nothing is beyond; also its size, of which most has no pages. 0 when it cannot be had.
    private var limit: Int
    private let proof: Nonce
    private var start: UnsafeMutableRawPointer?
    private var free = FreeExtents()
    /// Sizes by offset.
    private var taken: [Int: Int] = [:]
    /// -1 while there is none.
    private(set) var descriptor: Int32 = -1

    init(limit: Int, proof: Nonce) {
        self.limit = limit & ~(SharedHeap.pageByteCount - 1)
        self.proof = proof
    }

    deinit {
        guard let start = unsafe start else { return }
        unsafe munmap(start, limit)
        close(descriptor)
    }

    /// Whether a byte lies in it.
    func contains(_ address: UInt64) -> Bool {
        guard let start = unsafe start else { return false }
        return address &- UInt64(UInt(bitPattern: start)) < UInt64(limit)
    }

    /// - Returns: nil when the limit or the system's memory is reached.
    func allocate(_ byteCount: Int) -> UnsafeMutableRawPointer? {
        guard (0..<limit).contains(byteCount), unsafe start != nil || make() else { return nil }
        let alignment = byteCount < SharedHeap.pageByteCount ? SharedHeap.lineByteCount : SharedHeap.pageByteCount
        let whole = max(byteCount, 1).roundedUp(to: alignment)
        guard let offset = take(whole, alignment) else { return nil }
        taken[offset] = whole
        return unsafe start! + offset
    }

    /// - Parameter memory: from `allocate`, and not given back since.
    func release(_ memory: UnsafeMutableRawPointer) {
        guard let start = unsafe start else { return }
        let offset = unsafe memory - start
        guard let byteCount = taken.removeValue(forKey: offset) else { return }
        free.give(offset, byteCount)
    }

    private func take(_ byteCount: Int, _ alignment: Int) -> Int? {
        if let offset = free.take(byteCount, alignment: alignment) { return offset }
        let missing = free.missing(byteCount, alignment: alignment)
        let growth = min(missing.roundedUp(to: SharedHeap.stepByteCount), limit - free.end)
        guard growth >= missing,
            unsafe csystem_reserve_heap(descriptor, start!, UInt64(free.end), UInt64(growth)) == 0
        else { return nil }
        free.grow(by: growth)
        let header = unsafe start!.assumingMemoryBound(to: Header.self)
        unsafe withUnsafeMutablePointer(to: &header.pointee.reserved) {
            unsafe csystem_store_release($0, UInt64(free.end))
        }
        return free.take(byteCount, alignment: alignment)
    }

    private func make() -> Bool {
        var made: UnsafeMutableRawPointer?
        descriptor = limit > 0 ? unsafe csystem_make_heap(UInt64(limit), &made) : -1
        guard descriptor >= 0, let begin = unsafe made else {
            (limit, descriptor) = (0, -1)
            return false
        }
        unsafe start = begin
        guard take(SharedHeap.lineByteCount, SharedHeap.lineByteCount) == 0 else {
            unsafe munmap(begin, limit)
            close(descriptor)
            unsafe (start, limit, descriptor) = (nil, 0, -1)
            return false
        }
        let header = unsafe begin.assumingMemoryBound(to: Header.self)
        unsafe (header.pointee.proof, header.pointee.base) = (proof, UInt64(UInt(bitPattern: begin)))
        return true
    }
}
