/// A closure that waits for the result of one request, kept by the request's slot.
final class CompletionCallback {
    let call: (Result<Completion, HandfastError>) -> Void
    init(_ call: @escaping (Result<Completion, HandfastError>) -> Void) { self.call = call }
}

extension UnsafeMutablePointer<RequestSlot> {
    /// Has the result go to a closure, with the next progress when it is known already.
    func direct(to callback: @escaping (Result<Completion, HandfastError>) -> Void) {
        pointee.callback = .passRetained(CompletionCallback(callback))
        pointee.isDirected = true
        if pointee.isComplete { pointee.endpoint?.pointee.callbacks.append(self) }
    }
}

extension UnsafeMutablePointer<EndpointState> {
    /// Calls those whose requests are complete. Requests that complete meanwhile wait for the next call, so that
    /// callbacks which send again do not keep the caller for ever; a call from within a callback does nothing.
    /// - Returns: how many were called.
    func callBack() -> Int {
        guard !pointee.isCallingBack else { return 0 }
        pointee.isCallingBack = true
        var due = pointee.callbacks
        pointee.callbacks = RequestQueue()
        var count = 0
        while let request = due.removeFirst() {
            let callback = request.pointee.callback?.takeRetainedValue()
            request.pointee.callback = nil
            callback?.call(request.takeEntry().result)
            count += 1
        }
        pointee.isCallingBack = false
        return count
    }
}

extension Endpoint {
    /// Calls a closure with the result of a request of this endpoint, of whatever kind it is, and takes the result.
    ///
    /// The closure is called exactly once, on the thread that drives the endpoint, from within `progress` or `wait`
    /// when no message is being moved, and never before this returns. It may send, receive, close and cancel; in calls
    /// of `progress` and `wait` that it makes itself, no other closure is called. If the endpoint ends first, it is
    /// called with the error while that happens. The handle is good for `cancel`.
    /// - Throws: `stale`; `invalidArgument` for a request that is directed already or of another endpoint; `resources`.
    public func whenComplete(
        _ request: Request, _ callback: @escaping (Result<Completion, HandfastError>) -> Void
    ) throws(HandfastError) {
        try state.slotToDirect(of: request).direct(to: callback)
    }

    /// The same as `receive` with the result going to a closure, as `whenComplete` tells.
    /// - Returns: a handle that is good for `cancel`.
    /// - Throws: as `receive`; then nothing was posted, and the closure is not called.
    @discardableResult
    public func receive(
        into payload: UnsafeMutableRawBufferPointer, header: UnsafeMutableRawBufferPointer? = nil,
        from connection: Connection? = nil, where predicate: ((UnsafeRawBufferPointer, Connection) -> Bool)? = nil,
        whenComplete callback: @escaping (Result<Completion, HandfastError>) -> Void
    ) throws(HandfastError) -> Request {
        let request = try receive(into: payload, header: header, from: connection, where: predicate)
        request.slot?.direct(to: callback)
        return request
    }
}

extension Connection {
    /// The same as `send` with the result going to a closure, as `Endpoint.whenComplete` tells; there is no request to
    /// keep.
    /// - Throws: as `send`; then nothing was sent, and the closure is not called.
    public func send(
        _ payload: UnsafeRawBufferPointer,
        header: UnsafeRawBufferPointer = UnsafeRawBufferPointer(start: nil, count: 0),
        whenComplete callback: @escaping (Result<Completion, HandfastError>) -> Void
    ) throws(HandfastError) {
        guard !isStale, let endpoint = slot.pointee.endpoint else { throw .staleConnection }
        try sendToDirect(payload, header, endpoint).direct(to: callback)
    }
}
