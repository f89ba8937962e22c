/// Memory beside a ring for long runs of a stream: slots that are used in turn, each named by a packet of one line.
///
/// The ring keeps the order and says when a slot is free. A writer whose peer's core is far fills slots past its caches:
/// memory is read several times faster than lines that lie modified in a far core's cache. With a near core the slots are
/// more than a core's own cache holds, so that most of them lie in the cache that both share when they are read.
enum BulkMemory {
    static let slotByteCount = 8 << 10
    /// Fewer than the ring has lines, each of which names one.
    static let slotCount = 120
    static let byteCount = slotCount * slotByteCount

    /// So many lines of the ring a slot is worth when it is freed.
    static let linesPerSlot = 8

    /// Shorter runs are quicker in the ring.
    static let leastByteCount = 1536

    /// How many of a run's bytes go into the next slot: never so many that the rest is too short for one.
    static func share(of byteCount: Int) -> Int {
        byteCount < 2 * slotByteCount && byteCount > slotByteCount ? byteCount / 2 : min(byteCount, slotByteCount)
    }
}
