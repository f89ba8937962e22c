/// Bytes on their way in one direction: a ring for one thread.
@unsafe struct LoopbackRing {
    /// A power of two.
    static let byteCount = 65_536

    private let memory = UnsafeMutableRawPointer.allocate(byteCount: byteCount, alignment: 64)
    /// Bytes ever written and ever dropped; their places are their remainders.
    private var written = 0
    private var dropped = 0

    var count: Int { unsafe written - dropped }
    var room: Int { unsafe Self.byteCount - count }

    /// The oldest bytes that lie in one piece; empty only when nothing is there.
    var run: UnsafeRawBufferPointer {
        let start = unsafe dropped & (Self.byteCount - 1)
        return unsafe UnsafeRawBufferPointer(start: memory + start, count: min(count, Self.byteCount - start))
    }

    /// Copies the first bytes in, as many as there is room for.
    mutating func write(_ bytes: UnsafeRawPointer, _ wanted: Int) -> Int {
        let count = unsafe min(wanted, room)
        guard count > 0 else { return 0 }
        let start = unsafe written & (Self.byteCount - 1)
        let first = unsafe min(count, Self.byteCount - start)
        unsafe (memory + start).copyMemory(from: bytes, byteCount: first)
        if first < count { unsafe memory.copyMemory(from: bytes + first, byteCount: count - first) }
        unsafe written += count
        return count
    }

    mutating func drop(_ count: Int) { unsafe dropped += count }

    func deallocate() { unsafe memory.deallocate() }
}
