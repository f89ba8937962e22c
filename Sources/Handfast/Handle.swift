import CSystem

/// What a handle is of. 0 is nothing.
package enum HandleKind: UInt64 {
    case connection = 1
    case request = 2
    case message = 3
    case completionQueue = 4
    case memoryRegion = 5
    case endpoint = 6
    /// A request that was complete at once: no slot, but the number of its bytes.
    case completeRequest = 7
}

/// A slot's generation, which is at once the number that programs in C know it by. From the top: a zero, because tickets
/// have a one there; three bits of kind; 25 bits of the slot's number among all of that kind in the process; 35 bits that
/// count its turns and begin again when they are used up.
package enum Handle {
    @inlinable package static var turnBitCount: UInt64 { 35 }
    @inlinable package static var numberBitCount: UInt64 { 25 }
    @inlinable package static var kindShift: UInt64 { 60 }
    static let chunkSlotCount = 64
    /// Bytes before the slots of a chunk, which keep their alignment.
    static let ownerByteCount = 16

    /// Of a slot that was never used.
    package static func first(_ kind: HandleKind, number: UInt64) -> UInt64 {
        kind.rawValue << kindShift | number << turnBitCount
    }

    // Hot path.
    /// The next generation but for the bits above the turns.
    @inlinable
    package static func generation(after generation: UInt64) -> UInt64 {
        let next = generation &+ 1
        return next & (1 << turnBitCount &- 1) == 0 ? next &- 1 << turnBitCount : next
    }

    @inlinable
    package static func number(_ handle: UInt64) -> UInt64 { handle >> turnBitCount & (1 << numberBitCount &- 1) }

    @inlinable
    package static func hasKind(_ handle: UInt64, _ kind: HandleKind) -> Bool { handle >> kindShift == kind.rawValue }

    static func setOwner<Slot: TableSlot>(_ owner: UnsafeMutableRawPointer?, of chunk: UnsafeMutablePointer<Slot>) {
        (UnsafeMutableRawPointer(chunk) - ownerByteCount).storeBytes(of: owner, as: UnsafeMutableRawPointer?.self)
    }

    // Hot path.
    /// The slot that a number names, whether it is in use or not, and the owner of its chunk.
    /// - Returns: nil for a number of another kind, or that no slot of this process has had.
    @inline(__always)
    static func find<Slot: TableSlot>(
        _ handle: UInt64, _: Slot.Type
    ) -> (slot: UnsafeMutablePointer<Slot>, owner: UnsafeMutableRawPointer?)? {
        guard handle >> kindShift == Slot.kind.rawValue else { return nil }
        let number = number(handle)
        guard let chunk = csystem_chunk(UInt32(Slot.kind.rawValue), number / UInt64(chunkSlotCount)) else { return nil }
        let slots = (chunk + ownerByteCount).assumingMemoryBound(to: Slot.self)
        return (slots + Int(number % UInt64(chunkSlotCount)), chunk.load(as: UnsafeMutableRawPointer?.self))
    }
}
