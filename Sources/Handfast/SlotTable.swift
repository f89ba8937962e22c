/// A slot of a `SlotTable`: raw state that is used again and again and never given back to the system.
protocol TableSlot {
    static var kind: HandleKind { get }
    /// Odd while the slot is in use. Goes up with every turn, so that an old handle is found out. It names the slot, too:
    /// see `Handle`.
    var generation: UInt64 { get set }
    /// The next free slot, while this one is free.
    var nextFree: UnsafeMutablePointer<Self>? { get set }
    /// A free slot that was never used.
    init()
}

/// The slots of one endpoint. Their memory is never freed, so a handle may outlive its endpoint: reading the
/// generation through it is always allowed, and tells that it is stale.
struct SlotTable<Slot: TableSlot>: ~Copyable {
    private var free: UnsafeMutablePointer<Slot>?
    private var chunks: [UnsafeMutablePointer<Slot>] = []
    private(set) var usedCount = 0
    private let limit: Int
    private let pool: SlotPool<Slot>
    /// What `Handle.owner` tells of its slots; set before the first is taken.
    var owner: UnsafeMutableRawPointer?

    /// - Parameter limit: the most slots in use at once.
    init(limit: Int, pool: SlotPool<Slot>) {
        self.limit = limit
        self.pool = pool
    }

    /// Every handle becomes stale; the next endpoint uses the memory.
    deinit {
        for chunk in chunks {
            for index in 0..<SlotPool<Slot>.chunkSlotCount where chunk[index].generation % 2 == 1 {
                chunk[index].generation = Handle.generation(after: chunk[index].generation)
            }
            pool.give(chunk)
        }
    }

    // Hot path.
    /// - Returns: a slot with an odd generation and otherwise as if it was never used; nil at the limit.
    mutating func take() -> UnsafeMutablePointer<Slot>? {
        if free == nil {
            guard usedCount < limit, addChunk() else { return nil }
        }
        guard let slot = free else { return nil }
        free = slot.pointee.nextFree
        let generation = slot.pointee.generation &+ 1
        slot.pointee = Slot()
        slot.pointee.generation = generation
        usedCount += 1
        return slot
    }

    // Hot path.
    /// Ends the use of a slot: every handle to it is stale from here on.
    mutating func give(_ slot: UnsafeMutablePointer<Slot>) {
        slot.pointee.generation = Handle.generation(after: slot.pointee.generation)
        slot.pointee.nextFree = free
        free = slot
        usedCount -= 1
    }

    /// Visits all that are in use; the visitor must not take or give back any.
    func forEachUsed(_ body: (UnsafeMutablePointer<Slot>) -> Void) {
        for chunk in chunks {
            for index in 0..<SlotPool<Slot>.chunkSlotCount where chunk[index].generation % 2 == 1 {
                body(chunk + index)
            }
        }
    }

    /// Whether a slot is one of these, in use or not. Takes time with the number of chunks, as the next does.
    func has(_ slot: UnsafeMutablePointer<Slot>) -> Bool { place(of: slot) != nil }

    /// The next that is in use, in the order of their places.
    /// - Parameter slot: one of these, in use or not; nil for the first.
    func next(after slot: UnsafeMutablePointer<Slot>?) -> UnsafeMutablePointer<Slot>? {
        let count = SlotPool<Slot>.chunkSlotCount
        var place = 0
        if let slot, let its = self.place(of: slot) { place = its + 1 }
        while place < chunks.count * count {
            let candidate = chunks[place / count] + place % count
            if candidate.pointee.generation % 2 == 1 { return candidate }
            place += 1
        }
        return nil
    }

    private func place(of slot: UnsafeMutablePointer<Slot>) -> Int? {
        let count = SlotPool<Slot>.chunkSlotCount
        for (index, chunk) in chunks.enumerated() where chunk <= slot && slot < chunk + count {
            return index * count + (slot - chunk)
        }
        return nil
    }

    /// - Returns: false when the process has as many as handles can name.
    private mutating func addChunk() -> Bool {
        guard let chunk = pool.take(owner: owner) else { return false }
        for index in (0..<SlotPool<Slot>.chunkSlotCount).reversed() {
            chunk[index].nextFree = free
            free = chunk + index
        }
        chunks.append(chunk)
        return true
    }
}
