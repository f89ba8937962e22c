import CSystem

/// The reading end of a ring. Used by one thread; sizes from the ring are checked against the ring.
// Safe: every access is computed from `lineCount`, for which the maker of the memory vouches.
@safe struct RingConsumer {
    enum Obstacle: Error, Equatable {
        /// A control word that no producer of ours writes: the peer is broken, the ring is of no more use.
        case corrupt(control: UInt64, line: Int)
        /// The next packet lies in bulk memory: set `bulk`, and look again.
        case needsBulk
    }

    private let consumedLines: UnsafeMutablePointer<UInt64>
    private let lines: UnsafeMutableRawPointer
    /// `BulkMemory.byteCount` bytes that outlive this value; nil until they are needed.
    var bulk: UnsafeMutableRawPointer?
    private let lineCount: Int
    /// Which the next packet without bytes of its own names.
    private var slot = 0
    /// The packet that was peeked at last.
    private var isInSlot = false
    private var position = 0
    private var consumed: UInt64 = 0

    /// - Parameter memory: as for the producer; outlives this value.
    init(memory: UnsafeMutableRawPointer, lineCount: Int) {
        precondition(lineCount >= 4)
        unsafe consumedLines = memory.assumingMemoryBound(to: UInt64.self)
        unsafe lines = memory + RingMemory.lineByteCount
        self.lineCount = lineCount
    }

    // Hot path.
    /// The next packet in place, valid until `release`; nil when there is none.
    @inline(__always)
    mutating func peek() throws(Obstacle) -> UnsafeRawBufferPointer? {
        var control = unsafe csystem_load_acquire(self.control(position))
        if control == RingMemory.wrapMark {
            consumed &+= UInt64(lineCount - position)
            position = 0
            control = unsafe csystem_load_acquire(self.control(0))
        }
        guard control != 0 else { return nil }
        let limit = (lineCount - position - 1) * RingMemory.lineByteCount - RingMemory.controlByteCount
        isInSlot = limit >= 0 && control & RingMemory.slotMark != 0
        if isInSlot { return unsafe try peekSlot(control) }
        guard limit >= 0, control - 1 <= UInt64(limit) else { throw .corrupt(control: control, line: position) }
        let start = unsafe lines + position * RingMemory.lineByteCount + RingMemory.controlByteCount
        return unsafe UnsafeRawBufferPointer(start: start, count: Int(control - 1))
    }

    private func peekSlot(_ control: UInt64) throws(Obstacle) -> UnsafeRawBufferPointer {
        let byteCount = Int(truncatingIfNeeded: (control ^ RingMemory.slotMark) &- 1)
        guard (1...BulkMemory.slotByteCount).contains(byteCount) else {
            throw .corrupt(control: control, line: position)
        }
        guard let bulk = unsafe bulk else { throw .needsBulk }
        return unsafe UnsafeRawBufferPointer(start: bulk + slot * BulkMemory.slotByteCount, count: byteCount)
    }

    /// Whether `peek` would find something, be it only that the ring is corrupt. Changes nothing.
    var hasPacket: Bool {
        let control = unsafe csystem_load_acquire(self.control(position))
        return unsafe control == RingMemory.wrapMark ? csystem_load_acquire(self.control(0)) != 0 : control != 0
    }

    // Hot path.
    /// Gives what a packet of so many bytes takes back to the producer, and says how many lines that is worth.
    @inline(__always)
    @discardableResult
    mutating func release(_ byteCount: Int) -> Int {
        let used = isInSlot ? 1 : RingMemory.lineCount(forPacketOf: byteCount)
        if isInSlot { slot = (slot + 1) % BulkMemory.slotCount }
        position += used
        consumed &+= UInt64(used)
        unsafe csystem_store_release(consumedLines, consumed)
        return isInSlot ? BulkMemory.linesPerSlot : used
    }

    // Hot path.
    /// Has a line fetched that is read soon if packets go on coming.
    @inline(__always)
    func fetchAhead() {
        let line = position + RingMemory.fetchDistance
        unsafe csystem_prefetch(lines + (line < lineCount ? line : line - lineCount) * RingMemory.lineByteCount)
    }

    private func control(_ line: Int) -> UnsafeMutablePointer<UInt64> {
        unsafe (lines + line * RingMemory.lineByteCount).assumingMemoryBound(to: UInt64.self)
    }
}
