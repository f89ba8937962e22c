// What the C interface asks of requests, where one is a number. One that was complete at once needs no slot: its number
// says so, with the bytes that were moved, and is good for ever.

extension Request {
    // Hot path.
    static func handle(completeWith byteCount: Int) -> UInt64 {
        HandleKind.completeRequest.rawValue << Handle.kindShift | UInt64(byteCount)
    }

    // Hot path.
    /// The bytes that the number of a request that was complete at once tells of; nil for any other number.
    package static func byteCount(ofComplete handle: UInt64) -> Int? {
        guard Handle.hasKind(handle, .completeRequest) else { return nil }
        return Int(handle & (1 << Handle.kindShift &- 1))
    }

    // Hot path.
    /// As `Connection.find`.
    package static func find(_ handle: UInt64) -> (request: Request, owner: UnsafeMutableRawPointer?)? {
        guard let (slot, owner) = Handle.find(handle, RequestSlot.self) else { return nil }
        return (Request(slot, generation: handle), owner)
    }

    /// The number that names it to programs in C.
    package var handle: UInt64 { slot == nil ? Self.handle(completeWith: byteCount) : generation }

    /// Whether its result was taken, or is to be had elsewhere.
    package var isGone: Bool { slot.map { $0.pointee.generation != generation } ?? false }

    /// Gives the request up: a receive that has not matched is cancelled, a result is dropped. What is under way goes on,
    /// and nobody is told when it no longer needs its memory.
    /// - Throws: `stale`; `invalidArgument` for a request whose result goes to a queue or a callback.
    package func abandon() throws(HandfastError) {
        guard let slot else { return }
        guard slot.pointee.generation == generation else { throw .staleRequest }
        guard !slot.pointee.isDirected else { throw .isDirected }
        if slot.pointee.isComplete { return slot.discard() }
        slot.pointee.isOwnedByEngine = true
        _ = slot.cancelReceive()
    }
}
