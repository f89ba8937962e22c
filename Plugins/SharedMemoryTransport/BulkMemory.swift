/// Memory beside a ring for long runs of a stream: slots that are used in turn, each named by a packet of one line.
///
/// The ring keeps the order and says when a slot is free. A writer whose peer's core is far fills slots past its caches:
/// memory is read several times faster than lines that lie modified in a far core's cache. Lines that a near core has
/// written come about as soon as others.
enum BulkMemory {
    static let slotByteCount = 8 << 10
    /// Fewer than the ring has lines, each of which names one.
    static let slotCount = 120
    static let byteCount = slotCount * slotByteCount

    /// So many lines of the ring a slot is worth when it is freed.
    static let linesPerSlot = 8

    /// Shorter runs are quicker in the ring.
    static let leastByteCount = 1536

    /// Of a stream of at most so many bytes, alone on its way, slots are filled in part only: both sides then copy at once.
    static let shortByteCount: UInt64 = 16 << 10
    static let partByteCount = 2 << 10

    /// How many of a run's bytes go into the next slot: never so many that the rest is too short for one.
    /// - Parameter wanted: at least `leastByteCount`.
    static func share(of byteCount: Int, wanted: Int = slotByteCount) -> Int {
        if byteCount >= wanted + leastByteCount { return wanted }
        return byteCount <= slotByteCount ? byteCount : byteCount / 2
    }
}
