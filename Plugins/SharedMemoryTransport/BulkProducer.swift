/// The writing end of bulk memory: which slot is next, and when each will be free.
// Safe: slots are counted modulo their number, and the maker of the memory vouches for `BulkMemory.byteCount` bytes.
@safe struct BulkProducer: ~Copyable {
    private let memory: UnsafeMutableRawPointer
    private(set) var next: Int
    /// Of each slot, the ring's mark behind the packet that named it; nil before the first use.
    private let marks: UnsafeMutablePointer<UInt64?>

    /// - Parameter next: the slot that the peer looks for.
    init(_ memory: UnsafeMutableRawPointer, next: Int) {
        unsafe self.memory = memory
        self.next = next
        unsafe marks = .allocate(capacity: BulkMemory.slotCount)
        unsafe marks.initialize(repeating: nil, count: BulkMemory.slotCount)
    }

    deinit { unsafe marks.deallocate() }

    // Hot path.
    /// The next slot; nil while the peer has not read what is in it.
    func reserve(_ ring: inout RingProducer) -> UnsafeMutableRawPointer? {
        guard isFree(next, &ring) else { return nil }
        return unsafe memory + next * BulkMemory.slotByteCount
    }

    // Hot path.
    /// The slot that was reserved last has been named in the ring.
    mutating func use(_ ring: borrowing RingProducer) {
        unsafe marks[next] = ring.mark
        next = (next + 1) % BulkMemory.slotCount
    }

    /// Whether a quarter of the slots is free.
    func hasRoomAgain(_ ring: inout RingProducer) -> Bool {
        isFree((next + BulkMemory.slotCount / 4 - 1) % BulkMemory.slotCount, &ring)
    }

    /// Whether the peer has read all.
    func isEmpty(_ ring: inout RingProducer) -> Bool {
        isFree((next + BulkMemory.slotCount - 1) % BulkMemory.slotCount, &ring)
    }

    private func isFree(_ slot: Int, _ ring: inout RingProducer) -> Bool {
        guard let mark = unsafe marks[slot] else { return true }
        return ring.hasConsumed(upTo: mark)
    }
}
