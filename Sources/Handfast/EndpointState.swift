import CHandfast

/// The raw half of an endpoint: what the data path of all its connections shares.
struct EndpointState: ~Copyable {
    /// One transport as polling sees it.
    struct Polled {
        let poll: @convention(c) (UnsafeMutableRawPointer?) -> UInt32
        let arm: @convention(c) (UnsafeMutableRawPointer?) -> Int32
        let keep: (@convention(c) (UnsafeMutableRawPointer?, UnsafeRawPointer?, UInt64) -> Void)?
        let forget: (@convention(c) (UnsafeMutableRawPointer?, UnsafeRawPointer?, UInt64) -> Void)?
        let state: UnsafeMutableRawPointer
    }

    /// Most pieces of one message: its own header, the user's header, and the payload's.
    static let pieceCount = 2 + Connection.maximumPieceCount

    var connections: SlotTable<ConnectionSlot>
    var requests: SlotTable<RequestSlot>
    /// Where messages without a receive lie.
    var blocks: BlockPool
    let tickets = ticketPool.take()
    var messages: SlotTable<MessageSlot>
    var completionQueues: SlotTable<CompletionQueueSlot>
    /// What peers may reach without a receive.
    var regions = RegionTable()
    var notifications = NotificationQueue()
    /// Lists what a transport is to send, its header first.
    let pieces: UnsafeMutablePointer<hf_piece>
    var head: UInt64 = 0
    let polled: UnsafeMutableBufferPointer<Polled>
    /// Those at the front, which have had a channel: the others have nothing to say.
    var polledCount = 0

    /// Receives from any connection that have not matched.
    var posted = RequestQueue()
    var nextSequence: UInt64 = 0
    /// Requests that are complete and whose callbacks have not been called.
    var callbacks = RequestQueue()
    var isCallingBack = false
    /// Tasks wait for conditions that must be looked at after progress.
    var hasConditions = false
    /// The number of the last payload that was announced, to whomever.
    var lastRendezvous: UInt64 = 0
    /// In bytes, payloads that peers may be reading just now.
    var offeredByteCount = 0
    /// Messages without a receive, of all connections, in the order of their arrival.
    var arrivals = ArrivalList()
    /// Messages that the program took and has not received.
    var taken = TakenList()
    var unexpectedByteCount = 0
    let unexpectedByteLimit: Int
    /// One connection may hold so much of it, so that it cannot starve the others.
    var unexpectedByteLimitPerConnection: Int { unexpectedByteLimit / 4 }
    /// Each connection begins with two to the power of this many bytes of credit, whatever others hold.
    var creditExponent: Int { Credit.exponent(within: unexpectedByteLimitPerConnection) }
    /// What peers have been promised of the bound above, beside what each connection has at least.
    var reservedByteCount = 0
    var unreservedByteCount: Int { unexpectedByteLimit - max(reservedByteCount, unexpectedByteCount) }
    /// Some connection could have been given more of it.
    var lacksRoom = false
    /// Some connection to a pscom peer waits for room in the bound above.
    var hasStalled = false

    /// Receives that wait for an answer of their sender, but not for long.
    var impatience = Impatience()

    /// The slow part, which outlives this.
    let engine: Unmanaged<Engine>?
    var inNeed: UnsafeMutablePointer<ConnectionSlot>?
    /// The program wants to be called for messages without a receive.
    var hasDefaultHandler = false
    /// Some wait for it.
    var isHandlerDue = false
    var isInHandler = false
    /// Calls of `progress` until timers, handshakes and goodbyes are looked at.
    var callsUntilSlowPart = 0
    /// Visits of the slow part since its last event.
    var quietVisits = 0
    /// Of the last visit.
    var visitEventCount = 0
    /// A handshake or a goodbye is under way.
    var isBusy = false

    init(engine: Engine?, transports: [Polled], unexpectedByteLimit: Int, connectionLimit: Int, requestLimit: Int) {
        connections = SlotTable(limit: connectionLimit, pool: connectionPool)
        requests = SlotTable(limit: requestLimit, pool: requestPool)
        messages = SlotTable(limit: requestLimit, pool: messagePool)
        completionQueues = SlotTable(limit: Engine.completionQueueLimit, pool: completionQueuePool)
        self.engine = engine.map { .passUnretained($0) }
        pieces = .allocate(capacity: Self.pieceCount)
        polled = .allocate(capacity: transports.count)
        _ = polled.initialize(from: transports)
        self.unexpectedByteLimit = unexpectedByteLimit
        blocks = BlockPool(keptByteLimit: unexpectedByteLimit / 4)
    }

    deinit {
        ticketPool.give(tickets)
        impatience.deallocate()
        pieces.deallocate()
        polled.deallocate()
    }

    mutating func removeFromThoseInNeed(_ slot: UnsafeMutablePointer<ConnectionSlot>) {
        guard slot.pointee.needsAttention else { return }
        slot.pointee.needsAttention = false
        guard let first = inNeed, first != slot else {
            inNeed = slot.pointee.nextInNeed
            return
        }
        var before = first
        while let next = before.pointee.nextInNeed, next != slot { before = next }
        before.pointee.nextInNeed = slot.pointee.nextInNeed
    }

    // Hot path.
    /// - Returns: how many things the transports did.
    mutating func pollTransports() -> Int {
        var done = 0
        for index in 0..<polledCount { done &+= Int(polled[index].poll(polled[index].state)) }
        return done
    }

    /// A transport gets its first channel, perhaps: from now on it is polled.
    mutating func poll(alsoTransport state: UnsafeMutableRawPointer) {
        guard let index = polled[polledCount...].firstIndex(where: { $0.state == state }) else { return }
        polled.swapAt(index, polledCount)
        polledCount += 1
    }
}
