extension Endpoint {
    /// Has every message that no receive was posted for given to a handler.
    ///
    /// `progress` and `wait` call it, on their thread, between messages: it may send, post receives, close connections,
    /// and receive, look at or drop the message. What it neither receives nor keeps by `Message.keep` is dropped when it
    /// returns.
    ///
    /// A message comes to it when all of it is here. One that stays with its sender, for its length or because there was
    /// no room for it, comes without its payload, and is to be received. Messages of one connection come in
    /// their order; those of several in the order of their arrival, but for one that is not whole yet, which others
    /// overtake.
    ///
    /// Messages that already wait for a receive are given to it, too. It is not called from within itself: a `progress`
    /// or `wait` inside it leaves the messages for afterwards. Receives that are posted first match first; a message
    /// that is still arriving may be matched by a receive, or taken, before it comes to the handler.
    /// - Parameter handler: kept until it is replaced, with all that it refers to: an endpoint that its own handler keeps
    ///   is never freed. Nil, as in the beginning, lets messages wait for a receive; those that wait then still do.
    public func setDefaultHandler(_ handler: ((Message) -> Void)?) {
        engine.defaultHandler = handler
        state.pointee.hasDefaultHandler = handler != nil
        state.pointee.isHandlerDue = handler != nil
    }
}

extension Message {
    /// Lets the message outlive the call of the default handler that it was given to. It is then received or dropped
    /// later, as one that was taken.
    /// - Throws: `stale`.
    public func keep() throws(HandfastError) {
        guard !isStale else { throw .staleMessage }
        slot.pointee.isKept = true
    }
}

extension Engine {
    /// So many messages are given to the handler in one call of `progress`: others must get their turn.
    private static let messagesPerTurn = 256

    /// Gives the default handler the messages that wait for it.
    /// - Returns: how many.
    @inline(never)
    func runDefaultHandler() -> Int {
        guard !state.pointee.isInHandler else { return 0 }
        state.pointee.isInHandler = true
        defer { state.pointee.isInHandler = false }
        state.pointee.isHandlerDue = false
        for count in 0..<Self.messagesPerTurn {
            // It may be replaced by itself.
            guard let handler = defaultHandler, let slot = nextForHandler() else { return count }
            slot.pointee.isKept = false
            let message = Message(slot)
            handler(message)
            if !message.isStale, !slot.pointee.isKept { slot.drop() }
        }
        state.pointee.isHandlerDue = true
        return Self.messagesPerTurn
    }

    /// Takes the oldest message that will not be more whole than it is.
    private func nextForHandler() -> UnsafeMutablePointer<MessageSlot>? {
        var message = state.pointee.arrivals.first
        while let candidate = message, candidate.pointee.isOnItsWay { message = candidate.pointee.nextArrival }
        return message.flatMap(state.take)
    }
}

extension UnsafeMutablePointer<EndpointState> {
    /// A message waits for a receive: the handler is to have it, if it will not be more whole than it is.
    func noteForHandler(_ message: UnsafeMutablePointer<UnexpectedMessage>) {
        guard pointee.hasDefaultHandler, message.pointee.handle == nil else { return }
        if !message.pointee.isOnItsWay { pointee.isHandlerDue = true }
    }
}
