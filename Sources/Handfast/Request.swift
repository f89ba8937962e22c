import Glibc

/// One send or receive under way: a handle, free to copy, for use on its endpoint's thread.
///
/// It is good until its result was taken, by `result` or `Endpoint.wait`, or directed to a queue or a callback; later uses
/// throw `stale`. Of a send that was complete at once, as small ones are, that holds until one of 1,024 or more such sends
/// later has been used; after that a second use is taken for the first.
public struct Request: Hashable {
    /// A `RequestSlot`, or the `Tickets` of a request that was complete at once.
    private let place: UnsafeMutableRawPointer
    /// The slot's generation, or a ticket.
    let generation: UInt64
    /// Of a request that was complete at once.
    let byteCount: Int

    // Hot path.
    init(_ slot: UnsafeMutablePointer<RequestSlot>, generation: UInt64) {
        place = UnsafeMutableRawPointer(slot)
        self.generation = generation
        byteCount = 0
    }

    init(_ slot: UnsafeMutablePointer<RequestSlot>) {
        place = UnsafeMutableRawPointer(slot)
        generation = slot.pointee.generation
        byteCount = 0
    }

    // Hot path.
    init(completeWith byteCount: Int, at endpoint: UnsafeMutablePointer<EndpointState>) {
        let tickets = endpoint.pointee.tickets
        place = UnsafeMutableRawPointer(tickets)
        generation = tickets.draw()
        self.byteCount = byteCount
    }

    // Hot path.
    /// Nil for a request that was complete at once.
    var slot: UnsafeMutablePointer<RequestSlot>? {
        generation & Tickets.mark == 0 ? place.assumingMemoryBound(to: RequestSlot.self) : nil
    }

    private var tickets: UnsafeMutablePointer<Tickets> { place.assumingMemoryBound(to: Tickets.self) }

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
        guard let slot else {
            guard !tickets.isUsed(generation) else { throw .staleRequest }
            tickets.use(generation)
            return Completion(byteCount: byteCount, headerByteCount: 0, connection: nil)
        }
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

    // Hot path.
    /// A slot in place of the ticket of a request that was complete at once.
    func exchangeTicket(
        at endpoint: UnsafeMutablePointer<EndpointState>
    ) throws(HandfastError) -> UnsafeMutablePointer<RequestSlot> {
        guard !tickets.isUsed(generation) else { throw .staleRequest }
        guard tickets == endpoint.pointee.tickets, generation >= tickets.pointee.first else { throw .cannotBeDirected }
        let slot = try endpoint.takeRequestOrThrow()
        tickets.use(generation)
        slot.completeAtOnce(byteCount: byteCount)
        return slot
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
