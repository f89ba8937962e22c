/// Memory beside a ring for long runs of a stream: slots that are used in turn, each named by a packet of one line.
///
/// A control word of the ring for more bytes than a packet may have says: so many bytes are in the next slot. The ring
/// keeps the order and says when a slot is free. Slots are filled past the caches, which other cores read at several
/// times the speed of what lies in ours.
enum BulkMemory {
    static let slotByteCount = 8 << 10
    static let slotCount = 32
    static let byteCount = slotCount * slotByteCount

    /// Bytes in one slot: more than the ring's longest packet, and less is quicker in the ring.
    static let packetByteCounts = 4096...slotByteCount
    /// So many lines of the ring a slot is worth when it is freed.
    static let linesPerSlot = 8

    /// How many of a run's bytes go into the next slot: never so many that the rest is too short for one.
    static func share(of byteCount: Int) -> Int {
        byteCount < 2 * slotByteCount && byteCount > slotByteCount ? byteCount / 2 : min(byteCount, slotByteCount)
    }
}
