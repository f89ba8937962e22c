import Glibc

/// One send or receive under way: a handle, free to copy, for use on its endpoint's thread.
///
/// It is good until its result was taken, by `result` or `Endpoint.wait`.
public struct Request: Hashable {
    /// Nil for a send that was complete at once.
    let slot: UnsafeMutablePointer<RequestSlot>?
    /// Of a request that was complete at once: its bytes.
    let generation: UInt64

    init(_ slot: UnsafeMutablePointer<RequestSlot>) {
        self.slot = slot
        generation = slot.pointee.generation
    }

    init(completeWith byteCount: Int) {
        slot = nil
        generation = UInt64(byteCount)
    }

    // Hot path.
    /// True when `result` has something to tell; also for a stale handle.
    public var isComplete: Bool {
        guard let slot else { return true }
        return slot.pointee.generation != generation || slot.pointee.isComplete
    }

    // Hot path.
    /// Takes the result; nil while the request is under way. Afterwards the handle is stale.
    /// - Throws: why it failed; `truncated` when the message was longer than the room: what fitted is there;
    ///   `invalidArgument` for a request whose result goes to a completion queue or a callback.
    public func result() throws(HandfastError) -> Completion? {
        guard let slot else { return Completion(byteCount: Int(generation), headerByteCount: 0, connection: nil) }
        guard slot.pointee.generation == generation else { throw .staleRequest }
        guard !slot.pointee.isDirected else { throw .isDirected }
        guard slot.pointee.isComplete else { return nil }
        let completion = Completion(slot)
        let outcome = slot.pointee.outcome
        guard outcome == .succeeded else { throw Self.takeFailure(slot, outcome) }
        slot.giveBack()
        return completion
    }

    /// Ends a receive that has not matched, or a send that has not started. Either way the request completes, and its
    /// result is to be taken.
    ///
    /// A send has started when a transport has its first byte; one that waits for its connection, or behind others, has
    /// not.
    /// - Returns: true when it was ended: its result throws `cancelled`, no message went into the receive, and nothing of
    ///   the send ever arrives. False when it goes on, or was complete.
    @discardableResult
    public func cancel() -> Bool {
        guard let slot, slot.pointee.generation == generation, !slot.pointee.isComplete else { return false }
        return slot.pointee.isReceive ? slot.cancelReceive() : slot.cancelSend()
    }

    static func takeFailure(
        _ slot: UnsafeMutablePointer<RequestSlot>, _ outcome: RequestSlot.Outcome
    ) -> HandfastError {
        defer { slot.giveBack() }
        switch outcome {
        case .underWay, .succeeded, .connectionEnded:
            var error = slot.pointee.reason?.takeRetainedValue().error ?? .staleConnection
            error.isUnsent = slot.pointee.isUnsent
            return error
        case .cancelled:
            return HandfastError(.cancelled, "the \(slot.pointee.isReceive ? "receive" : "send") was cancelled")
        case .refusedByTarget:
            return (OperationStatus(rawValue: UInt32(slot.pointee.systemError)) ?? .unsupported).error
        case .truncated:
            // The error leads to the connection.
            _ = Completion(slot)
            return HandfastError(Truncation(slot))
        case .readFailed:
            let isPeerGone = [ESRCH, ECONNRESET].contains(slot.pointee.systemError)
            return HandfastError(
                isPeerGone ? .peerLost : .system,
                "the payload could not be read from the peer's memory (errno \(slot.pointee.systemError))",
                systemError: slot.pointee.systemError)
        }
    }
}

/// What a request came to.
public struct Completion: Hashable {
    /// Payload moved, in bytes.
    public let byteCount: Int
    /// User header of the message that was received, in bytes.
    public let headerByteCount: Int
    /// Where a message came from; nil for a send.
    public let connection: Connection?
    /// What an atomic operation found in the peer's memory; 0 of all else.
    public let fetched: UInt64

    init(byteCount: Int, headerByteCount: Int, connection: Connection?, fetched: UInt64 = 0) {
        self.fetched = fetched
        self.byteCount = byteCount
        self.headerByteCount = headerByteCount
        self.connection = connection
    }

    // Hot path.
    init(_ slot: UnsafeMutablePointer<RequestSlot>) {
        guard slot.pointee.isReceive, let connection = slot.pointee.connection else {
            self.init(
                byteCount: slot.pointee.payloadByteCount, headerByteCount: 0, connection: nil,
                fetched: slot.pointee.role == .operation ? slot.pointee.fetched : 0)
            return
        }
        let handle = Connection(connection, generation: slot.pointee.connectionGeneration)
        if !handle.isStale { connection.pointee.isKnownToUser = true }
        self.init(
            byteCount: slot.pointee.arrivedPayloadByteCount, headerByteCount: slot.pointee.arrivedHeaderByteCount,
            connection: handle)
    }
}
