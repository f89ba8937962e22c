import CSystem

/// Chunks of slots that no endpoint uses: those of a closed one go to the next.
///
/// In front of the slots of a chunk lies its owner, and the process's directory leads to every chunk by its number.
final class SlotPool<Slot: TableSlot>: Sendable {
    static var chunkSlotCount: Int { Handle.chunkSlotCount }
    /// Addresses, because pointers cannot be shared. Unsafe as such, and good because each use holds the shared lock, for
    /// which a fork waits.
    private nonisolated(unsafe) var unused: [UInt] = []

    /// - Returns: nil when the process has as many as handles can name.
    func take(owner: UnsafeMutableRawPointer?) -> UnsafeMutablePointer<Slot>? {
        csystem_lock_shared()
        defer { csystem_unlock_shared() }
        guard let chunk = UnsafeMutablePointer<Slot>(bitPattern: unused.popLast() ?? Self.make()) else { return nil }
        Handle.setOwner(owner, of: chunk)
        return chunk
    }

    func give(_ chunk: UnsafeMutablePointer<Slot>) {
        csystem_lock_shared()
        defer { csystem_unlock_shared() }
        Handle.setOwner(nil, of: chunk)
        unused.append(UInt(bitPattern: chunk))
    }

    /// For the lock's holder.
    /// - Returns: the address of a chunk with a number of its own; 0 when there is none.
    private static func make() -> UInt {
        let memory = UnsafeMutableRawPointer.allocate(
            byteCount: Handle.ownerByteCount + chunkSlotCount * MemoryLayout<Slot>.stride,
            alignment: Handle.ownerByteCount)
        let number = csystem_add_chunk(UInt32(Slot.kind.rawValue), memory)
        guard number >= 0 else {
            memory.deallocate()
            return 0
        }
        let slots = (memory + Handle.ownerByteCount).bindMemory(to: Slot.self, capacity: chunkSlotCount)
        for index in 0..<chunkSlotCount {
            var slot = Slot()
            slot.generation = Handle.first(Slot.kind, number: UInt64(number) * UInt64(chunkSlotCount) + UInt64(index))
            (slots + index).initialize(to: slot)
        }
        return UInt(bitPattern: slots)
    }
}

let connectionPool = SlotPool<ConnectionSlot>()
let requestPool = SlotPool<RequestSlot>()
