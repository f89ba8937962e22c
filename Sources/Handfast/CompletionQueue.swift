/// Where the results of many sends and receives are gathered: a handle, free to copy, for use on its endpoint's thread.
///
/// A request is directed to it together with a number of the caller's, and leaves it as a `CompletionEntry`. Entries
/// come in the order in which the requests were completed, errors among them. The queue is linked through the requests
/// themselves: it holds as many entries as there are requests, and allocates nothing. Made by
/// `Endpoint.makeCompletionQueue`; good until `close` or the end of its endpoint.
public struct CompletionQueue: Hashable {
    let slot: UnsafeMutablePointer<CompletionQueueSlot>
    let generation: UInt64

    init(_ slot: UnsafeMutablePointer<CompletionQueueSlot>, generation: UInt64) {
        self.slot = slot
        self.generation = generation
    }

    init(_ slot: UnsafeMutablePointer<CompletionQueueSlot>) {
        self.slot = slot
        generation = slot.pointee.generation
    }

    var isStale: Bool { slot.pointee.generation != generation }

    // Hot path.
    /// True when `poll` has nothing to give; also for a stale handle.
    public var isEmpty: Bool { isStale || slot.pointee.done.isEmpty }

    /// Requests directed to the queue whose result nobody has taken yet, complete or not.
    public var openCount: Int { isStale ? 0 : slot.pointee.openCount }

    // Hot path.
    /// Takes as many results as there are and the buffer has room for. Makes no progress: that is for
    /// `Endpoint.progress` and `wait`.
    /// - Parameter entries: initialised memory, such as an array's: its first elements are replaced.
    /// - Returns: how many elements were replaced; 0 also for a stale handle.
    public func poll(into entries: UnsafeMutableBufferPointer<CompletionEntry>) -> Int {
        guard !isStale else { return 0 }
        var count = 0
        while count < entries.count, let request = slot.pointee.done.removeFirst() {
            entries[count] = request.takeEntry()
            count += 1
        }
        slot.pointee.openCount -= count
        return count
    }

    // Hot path.
    /// Directs a request of the same endpoint here, of whatever kind it is. Afterwards its result can be taken from
    /// the queue alone; the handle is good for `cancel`. When the request is complete already, so is its entry.
    /// - Parameter context: for the entry; means nothing to the library.
    /// - Throws: `stale`; `invalidArgument` for a request that is directed already or of another endpoint; `resources`.
    public func add(_ request: Request, context: UInt64) throws(HandfastError) {
        guard !isStale, let endpoint = slot.pointee.endpoint else { throw .staleQueue }
        try endpoint.slotToDirect(of: request).direct(to: slot, context: context)
    }

    /// Ends the queue, and drops the results in it. Receives that have not matched are cancelled. Sends, and receives
    /// whose message is arriving, go on, and nobody is told when they no longer need their memory: to know, poll until
    /// `openCount` is 0 first, or free the memory after the connections have ended. Does nothing the second time.
    public func close() {
        guard !isStale else { return }
        slot.close()
    }
}

extension Endpoint {
    /// Makes a place where the results of sends and receives are gathered.
    /// - Throws: `resources` when the endpoint has 65,536 queues.
    public func makeCompletionQueue() throws(HandfastError) -> CompletionQueue {
        guard let slot = state.pointee.completionQueues.take() else {
            throw HandfastError(.resources, "\(Engine.completionQueueLimit) completion queues are open")
        }
        slot.pointee.endpoint = state
        return CompletionQueue(slot)
    }

    // Hot path.
    /// The same as `receive` with the result going to a queue.
    /// - Parameters:
    ///   - queue: of this endpoint.
    ///   - context: for the queue's entry; means nothing to the library.
    /// - Returns: a handle that is good for `cancel`.
    /// - Throws: as `receive`; `stale` or `invalidArgument` for a queue that is closed or not of this endpoint. Then
    ///   nothing was posted.
    @discardableResult
    public func receive(
        into payload: UnsafeMutableRawBufferPointer, header: UnsafeMutableRawBufferPointer? = nil,
        from connection: Connection? = nil, where predicate: ((UnsafeRawBufferPointer, Connection) -> Bool)? = nil,
        to queue: CompletionQueue, context: UInt64
    ) throws(HandfastError) -> Request {
        try queue.check(for: state)
        let request = try receive(into: payload, header: header, from: connection, where: predicate)
        request.slot?.direct(to: queue.slot, context: context)
        return request
    }

    // Hot path.
    /// Makes progress until the queue has a result to give; takes none.
    /// - Parameter timeout: nil for no limit.
    /// - Returns: whether it has one.
    /// - Throws: `stale` or `invalidArgument` for a queue that is closed or not of this endpoint.
    public func wait(for queue: CompletionQueue, timeout: Duration? = nil) throws(HandfastError) -> Bool {
        try queue.check(for: state)
        return wait(timeout: timeout) { !queue.isEmpty }
    }
}

extension Connection {
    // Hot path.
    /// The same as `send` with the result going to a queue.
    /// - Parameters:
    ///   - queue: of the connection's endpoint.
    ///   - context: for the queue's entry; means nothing to the library.
    /// - Throws: as `send`; `stale` or `invalidArgument` for a queue that is closed or not of this endpoint. Then
    ///   nothing was sent.
    public func send(
        _ payload: UnsafeRawBufferPointer,
        header: UnsafeRawBufferPointer = UnsafeRawBufferPointer(start: nil, count: 0),
        to queue: CompletionQueue, context: UInt64
    ) throws(HandfastError) {
        guard !isStale, let endpoint = slot.pointee.endpoint else { throw .staleConnection }
        try queue.check(for: endpoint)
        try sendToDirect(payload, header, endpoint).direct(to: queue.slot, context: context)
    }

    // Hot path.
    /// Sends, and has a slot for the result also when the transport takes all at once.
    func sendToDirect(
        _ payload: UnsafeRawBufferPointer, _ header: UnsafeRawBufferPointer,
        _ endpoint: UnsafeMutablePointer<EndpointState>
    ) throws(HandfastError) -> UnsafeMutablePointer<RequestSlot> {
        // Before the send: what is out cannot be taken back for want of a slot.
        let spare = try endpoint.takeRequestOrThrow()
        do throws(HandfastError) {
            guard let open = try send(payload, header: header).slot else {
                spare.completeAtOnce(byteCount: payload.count)
                return spare
            }
            spare.giveBack()
            return open
        } catch {
            spare.giveBack()
            throw error
        }
    }
}

extension CompletionQueue {
    // Hot path.
    func check(for endpoint: UnsafeMutablePointer<EndpointState>) throws(HandfastError) {
        guard !isStale else { throw .staleQueue }
        guard slot.pointee.endpoint == endpoint else {
            throw HandfastError(.invalidArgument, "the completion queue is another endpoint's")
        }
    }
}

extension UnsafeMutablePointer<EndpointState> {
    // Hot path.
    func takeRequestOrThrow() throws(HandfastError) -> UnsafeMutablePointer<RequestSlot> {
        guard let request = takeRequest() else { throw .tooManyRequests }
        return request
    }

    // Hot path.
    /// The slot of a request whose result is to be told elsewhere; a fresh one when it was complete at once.
    /// - Throws: `stale`; `invalidArgument` for a request that is directed already or of another endpoint; `resources`.
    func slotToDirect(of request: Request) throws(HandfastError) -> UnsafeMutablePointer<RequestSlot> {
        guard let open = request.slot else { return try request.exchangeTicket(at: self) }
        guard open.pointee.generation == request.generation else { throw .staleRequest }
        guard !open.pointee.isDirected, open.pointee.endpoint == self else { throw .cannotBeDirected }
        return open
    }
}

extension HandfastError {
    static let staleQueue = HandfastError(.stale, "the completion queue was closed; its handle is no longer good")
    static let cannotBeDirected = HandfastError(
        .invalidArgument, "the request is another endpoint's, or its result goes to a queue or a callback already")
    static let isDirected = HandfastError(
        .invalidArgument, "the request's result goes to its completion queue or callback, and is not to be had here")
}
