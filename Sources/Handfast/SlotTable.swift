import Synchronization

/// A slot of a `SlotTable`: raw state that is used again and again and never given back to the system.
protocol TableSlot {
    /// Odd while the slot is in use. Goes up with every turn, so that an old handle is found out.
    var generation: UInt64 { get set }
    /// The next free slot, while this one is free.
    var nextFree: UnsafeMutablePointer<Self>? { get set }
    /// A free slot that was never used.
    init()
}

/// The slots in use by one endpoint. The memory of a slot is never freed, so a handle may outlive its endpoint:
/// reading the generation through it is always allowed, and tells that it is stale.
struct SlotTable<Slot: TableSlot>: ~Copyable {
    private var free: UnsafeMutablePointer<Slot>?
    private(set) var usedCount = 0
    private let limit: Int
    private let pool: SlotPool<Slot>

    /// - Parameter limit: the most slots in use at once.
    init(limit: Int, pool: SlotPool<Slot>) {
        self.limit = limit
        self.pool = pool
    }

    deinit { if let free { pool.give(free) } }

    // Hot path.
    /// - Returns: a slot with an odd generation and otherwise as the last user left it; nil at the limit.
    mutating func take() -> UnsafeMutablePointer<Slot>? {
        if free == nil {
            guard usedCount < limit else { return nil }
            free = pool.take()
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
}

/// Free slots of the whole process: an endpoint that closes leaves its slots to the next.
final class SlotPool<Slot: TableSlot>: Sendable {
    private let chunkSlotCount = 64
    /// Address of the first of a chain of free slots, or 0.
    private let first = Mutex<UInt>(0)

    /// - Returns: a chain of free slots.
    func take() -> UnsafeMutablePointer<Slot>? {
        let kept = first.withLock { first in
            defer { first = 0 }
            return first
        }
        return UnsafeMutablePointer(bitPattern: kept) ?? makeChunk()
    }

    func give(_ chain: UnsafeMutablePointer<Slot>) {
        var last = chain
        while let next = last.pointee.nextFree { last = next }
        first.withLock { first in
            last.pointee.nextFree = UnsafeMutablePointer(bitPattern: first)
            first = UInt(bitPattern: chain)
        }
    }

    private func makeChunk() -> UnsafeMutablePointer<Slot> {
        let chunk = UnsafeMutablePointer<Slot>.allocate(capacity: chunkSlotCount)
        for index in 0..<chunkSlotCount {
            (chunk + index).initialize(to: Slot())
            if index > 0 { chunk[index - 1].nextFree = chunk + index }
        }
        return chunk
    }
}

let connectionPool = SlotPool<ConnectionSlot>()
let requestPool = SlotPool<RequestSlot>()
