/// A slot of a `SlotTable`: raw state that is used again and again and never given back to the system.
protocol TableSlot {
    /// Odd while the slot is in use. Goes up with every turn, so that an old handle is found out.
    var generation: UInt64 { get set }
    /// The next free slot, while this one is free.
    var nextFree: UnsafeMutablePointer<Self>? { get set }
    /// A free slot that was never used.
    init()
}

/// Free slots of one endpoint. The memory of a slot is never freed, so a handle may outlive its endpoint: reading the
/// generation through it is always allowed, and tells that it is stale.
///
/// Chunks go back to the process when an endpoint closes, and the next endpoint uses them.
struct SlotTable<Slot: TableSlot>: ~Copyable {
    static var chunkSlotCount: Int { 64 }

    private var free: UnsafeMutablePointer<Slot>?
    private(set) var usedCount = 0
    private let limit: Int

    /// - Parameter limit: the most slots in use at once.
    init(limit: Int) { self.limit = limit }

    // Hot path.
    /// - Returns: a slot with an odd generation and otherwise as the last user left it; nil at the limit.
    mutating func take() -> UnsafeMutablePointer<Slot>? {
        if free == nil {
            guard usedCount < limit else { return nil }
            free = Self.makeChunk()
        }
        guard let slot = free else { return nil }
        free = slot.pointee.nextFree
        slot.pointee.nextFree = nil
        slot.pointee.generation &+= 1
        usedCount += 1
        return slot
    }

    // Hot path.
    /// Ends the use of a slot: every handle to it is stale from here on.
    mutating func give(_ slot: UnsafeMutablePointer<Slot>) {
        slot.pointee.generation &+= 1
        slot.pointee.nextFree = free
        free = slot
        usedCount -= 1
    }

    private static func makeChunk() -> UnsafeMutablePointer<Slot>? {
        let chunk = UnsafeMutablePointer<Slot>.allocate(capacity: chunkSlotCount)
        var free: UnsafeMutablePointer<Slot>?
        for index in (0..<chunkSlotCount).reversed() {
            (chunk + index).initialize(to: Slot())
            chunk[index].nextFree = free
            free = chunk + index
        }
        return free
    }
}
