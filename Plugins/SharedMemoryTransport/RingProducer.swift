import CSystem

/// The writing end of a ring. Used by one thread; what it knows of the consumer it checks before it believes it.
// Safe: every access is computed from `lineCount`, for which the maker of the memory vouches.
@safe struct RingProducer {
    private let consumedLines: UnsafeMutablePointer<UInt64>
    private let lines: UnsafeMutableRawPointer
    private let lineCount: Int
    /// Where the next control word goes.
    private var next: UnsafeMutableRawPointer
    /// Lines from there on that are known to be free, up to the end of the ring.
    private var ready = 0
    /// A line behind `next` whose control word is cleared already.
    private var cleared: UnsafeMutableRawPointer?
    /// Lines written since the beginning, with those skipped at the end of the ring.
    private var written: UInt64 = 0
    /// The consumer's count when it was last looked at.
    private var consumed: UInt64 = 0
    /// How long a line takes that the consumer has written, in ticks, when nothing shortens it; 0 where it does not matter.
    var distance: UInt32 = 0
    private static let hasFarCaches = csystem_has_far_caches() != 0
    /// From here on the other core is far: cores that share a cache need about 130, others 350.
    private static let farDistance: UInt32 = 230

    /// - Parameter memory: `RingMemory.byteCount(lineCount:)` bytes, zeroed, aligned to a line; outlives this value.
    init(memory: UnsafeMutableRawPointer, lineCount: Int) {
        precondition(lineCount >= 4, "a ring needs room for a packet and the next control word")
        unsafe consumedLines = memory.assumingMemoryBound(to: UInt64.self)
        unsafe lines = memory + RingMemory.lineByteCount
        unsafe next = lines
        self.lineCount = lineCount
    }

    // Hot path.
    /// Room for one packet, to be filled and then published.
    /// - Parameter byteCount: at most `RingMemory.maximumPacketByteCount`.
    /// - Returns: nil when the consumer has not freed enough yet.
    @inline(__always)
    mutating func reserve(_ byteCount: Int) -> UnsafeMutableRawPointer? {
        let needed = RingMemory.lineCount(forPacketOf: byteCount)
        // The packet and the control word behind it must both fit.
        guard needed < ready || makeReady(needed) else { return nil }
        return unsafe next + RingMemory.controlByteCount
    }

    // Hot path.
    /// Has all lines of the packet fetched that was reserved last: the consumer had them, and one by one that takes long.
    @inline(__always)
    func fetch(_ byteCount: Int) {
        let end = byteCount &+ RingMemory.controlByteCount
        var ahead = RingMemory.lineByteCount
        while ahead < end {
            unsafe csystem_prefetch_to_write(next + ahead)
            ahead &+= RingMemory.lineByteCount
        }
    }

    @inline(never)
    private mutating func makeReady(_ needed: Int) -> Bool {
        // They must fit before the end; else it starts over.
        let skipped = position + needed + 1 > lineCount ? lineCount - position : 0
        guard hasRoom(for: skipped + needed + 1) else { return false }
        if skipped > 0 { startOver(skipped) }
        ready = min(free, lineCount - position)
        return true
    }

    // Hot path.
    /// Hands the packet that was reserved last to the consumer.
    @inline(__always)
    mutating func publish(_ byteCount: Int) {
        publish(lines: RingMemory.lineCount(forPacketOf: byteCount), UInt64(byteCount))
    }

    @inline(__always)
    private mutating func publish(lines: Int, _ byteCount: UInt64) {
        let packet = unsafe next
        unsafe next = packet + lines &* RingMemory.lineByteCount
        ready &-= lines
        written &+= UInt64(truncatingIfNeeded: lines)
        if unsafe next != cleared { unsafe store(0, at: next) }
        // One more than the size, because zero means empty.
        unsafe store(byteCount &+ 1, at: packet)
        // The next packet is as long as this one, perhaps. The line behind it then need not be fetched from the other core
        // first, when all waits for that.
        unsafe cleared = ready > lines ? next + lines &* RingMemory.lineByteCount : nil
        if let cleared = unsafe cleared { unsafe store(0, at: cleared) }
    }

    // Hot path.
    /// Names the next slot of bulk memory, which holds so many bytes, in a packet that was reserved for none.
    mutating func publishSlot(_ byteCount: Int) { publish(lines: 1, UInt64(byteCount) | RingMemory.slotMark) }

    /// Says that there is a `CopyOffer`, in place of a packet that was reserved for no bytes.
    mutating func publishOffer() { publish(lines: 1, RingMemory.offerMark &- 1) }

    var isFar: Bool { distance >= Self.farDistance }

    /// What has been written so far.
    var mark: UInt64 { written }

    /// Whether the consumer is through with what was written before the mark.
    mutating func hasConsumed(upTo mark: UInt64) -> Bool {
        let behind = written &- mark
        if lineCount - free <= behind { return true }
        lookAtConsumer()
        return lineCount - free <= behind
    }

    /// Room for a part of so many bytes of a stream, as long as fits now but at most `lineLimit` lines.
    mutating func reservePart(of byteCount: Int, lineLimit: Int) -> UnsafeMutableRawBufferPointer? {
        lookAtConsumer()
        let limit = min(byteCount, lineLimit * RingMemory.lineByteCount)
        let wanted = min(RingMemory.lineCount(forPacketOf: limit), lineLimit)
        let here = min(lineCount - position - 1, free - 1)
        let fromStart = free - 1 - (lineCount - position)
        let most = min(wanted, here >= wanted ? here : max(here, fromStart))
        guard most > 0 else { return nil }
        let count = min(byteCount, most * RingMemory.lineByteCount - RingMemory.controlByteCount)
        guard let room = unsafe reserve(count) else { return nil }
        return unsafe UnsafeMutableRawBufferPointer(start: room, count: count)
    }

    /// Whether a quarter of the ring is free: enough to begin again after there was no room.
    mutating func hasRoomAgain() -> Bool { hasRoom(for: lineCount / 4) }

    private mutating func startOver(_ skipped: Int) {
        let end = unsafe next
        unsafe next = lines
        written &+= UInt64(skipped)
        unsafe store(0, at: next)
        unsafe store(RingMemory.wrapMark, at: end)
    }

    @inline(__always)
    private mutating func hasRoom(for needed: Int) -> Bool {
        if free >= needed { return true }
        lookAtConsumer()
        return free >= needed
    }

    @inline(never)
    private mutating func lookAtConsumer() {
        guard Self.hasFarCaches else { return unsafe consumed = csystem_load_acquire(consumedLines) }
        let before = consumed
        var ticks: UInt64 = 0
        unsafe consumed = csystem_load_timed(consumedLines, &ticks)
        // A line that the consumer has not written since is here already.
        guard consumed != before else { return }
        // Ends where one time in 33 is longer: the processor may have guessed that the line would be wanted, most times
        // even, and now and then something comes between.
        let sample = UInt32(clamping: ticks)
        distance = sample > distance ? min(sample, distance + 32) : max(sample, max(distance, 1) - 1)
    }

    /// A count that cannot be true (a broken peer) frees nothing.
    private var free: Int {
        let used = written &- consumed
        return used <= UInt64(lineCount) ? lineCount - Int(used) : 0
    }

    @inline(__always)
    private func store(_ control: UInt64, at line: UnsafeMutableRawPointer) {
        unsafe csystem_store_release(line.assumingMemoryBound(to: UInt64.self), control)
    }

    private var position: Int { unsafe (next - lines) / RingMemory.lineByteCount }
}
