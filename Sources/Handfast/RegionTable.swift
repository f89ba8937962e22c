/// Registered memory, as the data path sees it.
struct RegionSlot: TableSlot {
    static let kind = HandleKind.memoryRegion

    var generation: UInt64 = 0
    var nextFree: UnsafeMutablePointer<RegionSlot>?

    var endpoint: UnsafeMutablePointer<EndpointState>?
    var base: UnsafeMutableRawPointer?
    var byteCount = 0
    var key = MemoryKey(permissions: [], number: 0, nonce: 0, memoryByteCount: 0, incarnation: 0)
    /// Not deregistered.
    var isOpen = false
    /// Things that read or write it right now.
    var useCount = 0
}

/// The registered memory of one endpoint, by its number.
struct RegionTable: ~Copyable {
    static let limit = 1 << 20

    private var slots = SlotTable<RegionSlot>(limit: limit, pool: regionPool)
    private var byNumber: [UnsafeMutablePointer<RegionSlot>?] = []
    private var freeNumbers: [UInt32] = []

    mutating func setOwner(_ owner: UnsafeMutableRawPointer) { slots.owner = owner }

    mutating func add() -> (slot: UnsafeMutablePointer<RegionSlot>, number: UInt32)? {
        guard let slot = slots.take() else { return nil }
        if let number = freeNumbers.popLast() {
            byNumber[Int(number)] = slot
            return (slot, number)
        }
        byNumber.append(slot)
        return (slot, UInt32(byNumber.count - 1))
    }

    mutating func remove(_ slot: UnsafeMutablePointer<RegionSlot>) {
        let number = slot.pointee.key.number
        byNumber[Int(number)] = nil
        freeNumbers.append(number)
        slots.give(slot)
    }

    /// What a peer's number and nonce name; nil when it is not there, or not any more.
    func find(_ number: UInt32, nonce: UInt64) -> UnsafeMutablePointer<RegionSlot>? {
        guard number < byNumber.count, let slot = byNumber[Int(number)], slot.pointee.isOpen,
            slot.pointee.key.nonce == nonce
        else { return nil }
        return slot
    }
}

let regionPool = SlotPool<RegionSlot>()

extension UnsafeMutablePointer<EndpointState> {
    /// Nil at the limit.
    func registerMemory(
        _ memory: UnsafeMutableRawBufferPointer, _ permissions: MemoryPermissions, _ incarnation: UInt64
    ) -> UnsafeMutablePointer<RegionSlot>? {
        guard let (slot, number) = pointee.regions.add() else { return nil }
        slot.pointee.endpoint = self
        slot.pointee.base = memory.baseAddress
        slot.pointee.byteCount = memory.count
        slot.pointee.key = MemoryKey(
            permissions: permissions, number: number, nonce: .random(in: 0...UInt64.max),
            memoryByteCount: UInt64(memory.count), incarnation: incarnation)
        (slot.pointee.isOpen, slot.pointee.useCount) = (true, 0)
        keep(memory.baseAddress, memory.count)
        return slot
    }
}

extension UnsafeMutablePointer<RegionSlot> {
    func deregister() {
        pointee.isOpen = false
        if pointee.useCount == 0 { remove() }
    }

    /// Something begins to read or write it.
    func retain() { pointee.useCount += 1 }

    func release() {
        pointee.useCount -= 1
        if pointee.useCount == 0, !pointee.isOpen { remove() }
    }

    private func remove() {
        pointee.endpoint?.forget(pointee.base, pointee.byteCount)
        pointee.endpoint?.pointee.regions.remove(self)
    }
}
