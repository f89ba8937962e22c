import CSystem

/// The reading end of a ring. Used by one thread; sizes from the ring are checked against the ring.
// Safe: every access is computed from `lineCount`, for which the maker of the memory vouches.
@safe struct RingConsumer {
    enum Obstacle: Error, Equatable {
        /// A control word that no producer of ours writes: the peer is broken, the ring is of no more use.
        case corrupt(control: UInt64, line: Int)
        /// The next packet lies in bulk memory: set `bulk`, and look again.
        case needsBulk
        /// No packet, but word of a `CopyOffer`: `release` it as one without bytes.
        case offer
    }

    private let consumedLines: UnsafeMutablePointer<UInt64>
    private let lines: UnsafeMutableRawPointer
    /// `BulkMemory.byteCount` bytes that outlive this value; nil until they are needed.
    var bulk: UnsafeMutableRawPointer?
    private let lineCount: Int
    /// Which the next packet without bytes of its own names.
    private var slot = 0
    /// The packet that was peeked at last.
    private(set) var isInSlot = false
    /// Where the next control word is looked for.
    private var next: UnsafeMutableRawPointer
    /// The longest packet that there can be: up to the end of the ring, in bytes. Negative at the last line.
    private var limit = 0
    private(set) var consumed: UInt64 = 0
    /// Lines of the last packet: the next one may be as long.
    private var expectedLineCount = 1

    /// - Parameter memory: as for the producer; outlives this value.
    init(memory: UnsafeMutableRawPointer, lineCount: Int) {
        precondition(lineCount >= 4)
        unsafe consumedLines = memory.assumingMemoryBound(to: UInt64.self)
        unsafe lines = memory + RingMemory.lineByteCount
        unsafe next = lines
        self.lineCount = lineCount
        startOver()
    }

    // Hot path.
    /// The next packet in place, valid until `release`; nil when there is none.
    @inline(__always)
    mutating func peek() throws(Obstacle) -> UnsafeRawBufferPointer? {
        var control = load()
        if control == RingMemory.wrapMark {
            consumed &+= UInt64(lineCount - position)
            startOver()
            control = load()
        }
        guard control != 0 else {
            if expectedLineCount > 1 { fetchExpected() }
            return nil
        }
        let byteCount = Int(truncatingIfNeeded: control &- 1)
        isInSlot = limit >= 0 && control & RingMemory.slotMark != 0
        if isInSlot { return unsafe try peekSlot(control) }
        guard byteCount >= 0, byteCount <= limit else {
            // At the last line is nothing but the word that goes on at the first.
            let isOffer = control == RingMemory.offerMark && limit >= 0
            throw isOffer ? .offer : .corrupt(control: control, line: position)
        }
        unsafe fetch(
            next + RingMemory.lineByteCount, byteCount + RingMemory.controlByteCount - RingMemory.lineByteCount)
        return unsafe UnsafeRawBufferPointer(start: next + RingMemory.controlByteCount, count: byteCount)
    }

    private func peekSlot(_ control: UInt64) throws(Obstacle) -> UnsafeRawBufferPointer {
        let byteCount = Int(truncatingIfNeeded: (control ^ RingMemory.slotMark) &- 1)
        guard (1...BulkMemory.slotByteCount).contains(byteCount) else {
            throw .corrupt(control: control, line: position)
        }
        guard let bulk = unsafe bulk else { throw .needsBulk }
        let start = unsafe bulk + slot * BulkMemory.slotByteCount
        unsafe fetch(start, byteCount)
        return unsafe UnsafeRawBufferPointer(start: start, count: byteCount)
    }

    /// Whether `peek` would find something, be it only that the ring is corrupt. Changes nothing.
    var hasPacket: Bool {
        let control = load()
        guard control == RingMemory.wrapMark else { return control != 0 }
        return unsafe csystem_load_acquire(lines.assumingMemoryBound(to: UInt64.self)) != 0
    }

    // Hot path.
    /// Gives what a packet of so many bytes takes back to the producer, and says how many lines that is worth.
    @inline(__always)
    @discardableResult
    mutating func release(_ byteCount: Int) -> Int {
        let used = isInSlot ? 1 : RingMemory.lineCount(forPacketOf: byteCount)
        if isInSlot { slot = (slot + 1) % BulkMemory.slotCount }
        unsafe next += used &* RingMemory.lineByteCount
        limit &-= used &* RingMemory.lineByteCount
        consumed &+= UInt64(truncatingIfNeeded: used)
        expectedLineCount = used
        unsafe csystem_store_release(consumedLines, consumed)
        return isInSlot ? BulkMemory.linesPerSlot : used
    }

    // Hot path.
    /// The first lines are fetched together, while the packet is matched with its receive.
    @inline(__always)
    private func fetch(_ start: UnsafeMutableRawPointer, _ byteCount: Int) {
        var ahead = 0
        let end = min(byteCount, RingMemory.fetchLimit)
        while ahead < end {
            unsafe csystem_prefetch(start + ahead)
            ahead &+= RingMemory.lineByteCount
        }
    }

    // Hot path.
    /// Has the lines behind the next control word fetched, for a short packet that may have come before the next look.
    private func fetchExpected() {
        guard expectedLineCount <= RingMemory.expectedLineLimit,
            expectedLineCount &* RingMemory.lineByteCount <= limit
        else { return }
        for line in 1..<expectedLineCount { unsafe csystem_prefetch(next + line &* RingMemory.lineByteCount) }
    }

    // Hot path.
    /// Has a line fetched that is read soon if packets go on coming.
    @inline(__always)
    func fetchAhead() {
        let ahead = RingMemory.fetchDistance * RingMemory.lineByteCount
        // Close to the end of the ring the next ones lie at its beginning.
        unsafe csystem_prefetch(limit > ahead ? next + ahead : lines)
    }

    @inline(__always)
    private func load() -> UInt64 { unsafe csystem_load_acquire(next.assumingMemoryBound(to: UInt64.self)) }

    private mutating func startOver() {
        unsafe next = lines
        limit = (lineCount - 1) * RingMemory.lineByteCount - RingMemory.controlByteCount
    }

    private var position: Int { unsafe (next - lines) / RingMemory.lineByteCount }
}
