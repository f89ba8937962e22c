/// The raw half of a completion queue.
struct CompletionQueueSlot: TableSlot {
    static let kind = HandleKind.completionQueue

    var generation: UInt64 = 0
    var nextFree: UnsafeMutablePointer<CompletionQueueSlot>?

    var endpoint: UnsafeMutablePointer<EndpointState>?
    /// Requests whose result nobody has taken yet, in the order in which they were completed.
    var done = RequestQueue()
    /// Requests directed to the queue whose result nobody has taken yet, complete or not.
    var openCount = 0
}

let completionQueuePool = SlotPool<CompletionQueueSlot>()

extension UnsafeMutablePointer<RequestSlot> {
    // Hot path.
    /// Has the result go to a queue; at once, when it is known already.
    func direct(to queue: UnsafeMutablePointer<CompletionQueueSlot>, context: UInt64) {
        pointee.completionQueue = queue
        pointee.context = context
        pointee.isDirected = true
        queue.pointee.openCount += 1
        if pointee.isComplete { queue.pointee.done.append(self) }
    }

    // Hot path.
    /// Completes a fresh request for a send that the transport took whole.
    func completeAtOnce(byteCount: Int) {
        pointee.payloadByteCount = byteCount
        pointee.outcome = .succeeded
    }

    // Hot path.
    /// Takes the result of a complete request, which ends it.
    func takeEntry() -> CompletionEntry {
        let (context, outcome, completion) = (pointee.context, pointee.outcome, Completion(self))
        guard outcome == .succeeded else {
            let moved = outcome == .truncated ? completion : Completion(nothingOver: completion.connection)
            return CompletionEntry(context: context, completion: moved, error: Request.takeFailure(self, outcome))
        }
        giveBack()
        return CompletionEntry(context: context, completion: completion, error: nil)
    }
}

extension UnsafeMutablePointer<CompletionQueueSlot> {
    /// Takes out all that is complete; lets go of the rest.
    func close() {
        guard let endpoint = pointee.endpoint else { return }
        while let request = pointee.done.removeFirst() { request.discard() }
        // Found first, because what ends changes the table.
        var open: [UnsafeMutablePointer<RequestSlot>] = []
        endpoint.pointee.requests.forEachUsed { if $0.pointee.completionQueue == self { open.append($0) } }
        for request in open {
            request.pointee.completionQueue = nil
            request.pointee.isOwnedByEngine = true
            _ = request.cancelReceive()
        }
        endpoint.pointee.completionQueues.give(self)
    }
}
