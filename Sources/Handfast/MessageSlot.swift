/// The raw half of a `Message`: one that the program took before it gave it a receive.
struct MessageSlot: TableSlot {
    static let kind = HandleKind.message

    var generation: UInt64 = 0
    var nextFree: UnsafeMutablePointer<MessageSlot>?
    /// Those of the endpoint that are in use.
    var next: UnsafeMutablePointer<MessageSlot>?
    var previous: UnsafeMutablePointer<MessageSlot>?

    var endpoint: UnsafeMutablePointer<EndpointState>?
    /// Nil when it was lost.
    var message: UnsafeMutablePointer<UnexpectedMessage>?
    /// Retained: why the rest of the message will not come.
    var reason: Unmanaged<EndReason>?
    var connection: UnsafeMutablePointer<ConnectionSlot>?
    var connectionGeneration: UInt64 = 0
    /// The program's own, and not only for as long as the default handler runs.
    var isKept = true
}

extension UnsafeMutablePointer<MessageSlot> {
    /// The connection that the message belongs to; nil once it is over and its slot is another's, or nobody's.
    private var liveConnection: UnsafeMutablePointer<ConnectionSlot>? {
        guard let connection = pointee.connection,
            connection.pointee.generation == pointee.connectionGeneration
        else { return nil }
        return connection
    }

    /// Gives the message to a receive and ends the use of the handle.
    func hand(to request: UnsafeMutablePointer<RequestSlot>) {
        defer { giveBack() }
        guard let message = pointee.message else { return }
        if let connection = liveConnection { return connection.hand(message, to: request) }
        // The connection left it whole.
        guard let connection = pointee.connection else { return }
        request.matched(connection, message.userHeaderBytes, message.pointee.payloadByteCount)
        request.pointee.connectionGeneration = pointee.connectionGeneration
        message.copyPayload(to: request)
        forget(message)
        request.completeReceive()
    }

    /// Nobody wants the message: the sender gets its memory back, and the stream goes on.
    func drop() {
        defer { giveBack() }
        guard let message = pointee.message else { return }
        if let connection = liveConnection { connection.drop(message) } else { forget(message) }
    }

    /// What is left of the message will not come.
    func fail(_ reason: EndReason) {
        pointee.message = nil
        pointee.reason = .passRetained(reason)
    }

    /// The endpoint is going, and its connections are gone.
    func release() {
        pointee.reason?.release()
        pointee.reason = nil
        pointee.message?.free(at: pointee.endpoint)
        pointee.message = nil
    }

    /// Makes every handle to it stale.
    func giveBack() {
        pointee.reason?.release()
        pointee.reason = nil
        guard let endpoint = pointee.endpoint else { return }
        endpoint.pointee.taken.remove(self)
        endpoint.pointee.messages.give(self)
    }

    /// Of a connection that is gone.
    private func forget(_ message: UnsafeMutablePointer<UnexpectedMessage>) {
        pointee.endpoint?.pointee.unexpectedByteCount -= message.pointee.heldByteCount
        if let endpoint = pointee.endpoint, endpoint.pointee.hasStalled { endpoint.pointee.callsUntilSlowPart = 0 }
        pointee.message = nil
        message.free(at: pointee.endpoint)
    }
}

/// The messages that a program has taken, oldest first.
struct TakenList {
    private(set) var first: UnsafeMutablePointer<MessageSlot>?
    private var last: UnsafeMutablePointer<MessageSlot>?

    mutating func append(_ handle: UnsafeMutablePointer<MessageSlot>) {
        handle.pointee.next = nil
        handle.pointee.previous = last
        if let last { last.pointee.next = handle } else { first = handle }
        last = handle
    }

    mutating func remove(_ handle: UnsafeMutablePointer<MessageSlot>) {
        let (previous, next) = (handle.pointee.previous, handle.pointee.next)
        if let previous { previous.pointee.next = next } else { first = next }
        if let next { next.pointee.previous = previous } else { last = previous }
    }
}

extension UnsafeMutablePointer<EndpointState> {
    /// Takes a message from all that match: it is in no list that a receive looks at any more.
    /// - Returns: nil at the limit.
    func take(_ message: UnsafeMutablePointer<UnexpectedMessage>) -> UnsafeMutablePointer<MessageSlot>? {
        guard let handle = pointee.messages.take() else { return nil }
        let connection = message.pointee.connection
        handle.pointee.endpoint = self
        handle.pointee.message = message
        handle.pointee.connection = connection
        handle.pointee.connectionGeneration = connection.pointee.generation
        pointee.taken.append(handle)
        connection.pointee.unexpected.remove(message)
        pointee.arrivals.remove(message)
        connection.pointee.taken.append(message)
        message.pointee.handle = handle
        return handle
    }

    /// Frees the messages that the program took and never received.
    func releaseTaken() {
        while let handle = pointee.taken.first {
            handle.release()
            handle.giveBack()
        }
    }
}

extension UnsafeMutablePointer<ConnectionSlot> {
    /// The connection is over: what the program took and is not here will not come.
    func failTaken(_ reason: EndReason) {
        var message = pointee.taken.first
        while let candidate = message {
            message = candidate.pointee.next
            if candidate.pointee.isWhole { continue }
            let (handle, content) = (candidate.pointee.handle, candidate.pointee.content)
            remove(candidate)
            candidate.free(at: pointee.endpoint)
            handle?.fail(reason)
            giveUp(content)
        }
    }

    /// Nobody wants a message that the program took.
    func drop(_ message: UnsafeMutablePointer<UnexpectedMessage>) {
        let isResumed = passOver(message)
        var finished: UInt64?
        if case .remote(_, let rendezvous) = message.pointee.content { finished = rendezvous }
        remove(message)
        message.free(at: pointee.endpoint)
        if let finished { sendControl(.rendezvousFinished, finished) }
        if pointee.hasPeerEnded { callForAttention() }
        if isResumed { resume() }
    }
}

let messagePool = SlotPool<MessageSlot>()
