// What the C interface asks of messages, regions and queues, where each is a number; as `Connection.find`.

extension Message {
    package static func find(_ handle: UInt64) -> (message: Message, owner: UnsafeMutableRawPointer?)? {
        guard let (slot, owner) = Handle.find(handle, MessageSlot.self) else { return nil }
        return (Message(slot, generation: handle), owner)
    }

    package var handle: UInt64 { generation }
    package var isGone: Bool { isStale }
}

extension MemoryRegion {
    package static func find(_ handle: UInt64) -> (region: MemoryRegion, owner: UnsafeMutableRawPointer?)? {
        guard let (slot, owner) = Handle.find(handle, RegionSlot.self) else { return nil }
        return (MemoryRegion(slot: slot, generation: handle), owner)
    }

    package var handle: UInt64 { generation }
}

extension CompletionQueue {
    // Hot path.
    package static func find(_ handle: UInt64) -> (queue: CompletionQueue, owner: UnsafeMutableRawPointer?)? {
        guard let (slot, owner) = Handle.find(handle, CompletionQueueSlot.self) else { return nil }
        return (CompletionQueue(slot, generation: handle), owner)
    }

    package var handle: UInt64 { generation }
    package var isGone: Bool { isStale }

    // Hot path.
    /// As `poll` for one entry; nil when there is none.
    package func takeFirst() -> CompletionEntry? {
        guard !isStale, let request = slot.pointee.done.removeFirst() else { return nil }
        slot.pointee.openCount -= 1
        return request.takeEntry()
    }

    // Hot path.
    /// An entry for a request that was complete at once.
    /// - Throws: `stale`, `resources`.
    package func add(completeWith byteCount: Int, context: UInt64) throws(HandfastError) {
        guard !isStale, let endpoint = slot.pointee.endpoint else { throw .staleQueue }
        let request = try endpoint.takeRequestOrThrow()
        request.completeAtOnce(byteCount: byteCount)
        request.direct(to: slot, context: context)
    }
}
