// For tasks. Everything here suspends the task and leaves the thread to others; somebody must drive the endpoint
// meanwhile: `EndpointActor.run`, or the program's own calls of `progress`. The last parameter of each is never given:
// it has the function run on the caller's own actor, closures and all, which `nonisolated(nonsending)` does not.

extension Endpoint {
    /// Suspends until the request is complete, and takes its result.
    ///
    /// If the task is cancelled, so is the request where that is possible, which ends the wait with `cancelled`; a
    /// request that cannot be cancelled, because its message is on the way, is waited for as before.
    /// - Parameter timeout: nil for no limit.
    /// - Throws: what `Request.result` throws, or `timeout`: then the request goes on and stays good. `resources`.
    public func wait(
        for request: Request, timeout: Duration? = nil, on actor: isolated (any Actor)? = #isolation
    ) async throws(HandfastError) -> Completion {
        guard let slot = request.slot, !request.isComplete else { return try request.result()! }
        guard !slot.pointee.isDirected, slot.pointee.endpoint == state else { throw .cannotBeDirected }
        guard let result = try await engine.madeTaskWaits().wait(for: slot, timeout) else {
            throw HandfastError(.timeout, "the request is not complete after \(timeout ?? .zero)")
        }
        return try result.get()
    }

    /// Suspends until the connection is up.
    /// - Throws: why it is not; `timeout`, or `cancelled` when the task is: the connection goes on. `resources`.
    public func wait(
        for connection: Connection, timeout: Duration? = nil, on actor: isolated (any Actor)? = #isolation
    ) async throws(HandfastError) {
        try checkOwner(of: connection)
        switch try await suspend(timeout, until: { connection.state != .connecting }) {
        case .held: break
        case .timedOut: throw HandfastError(.timeout, "the connection is not up after \(timeout ?? .zero)")
        case .cancelled: throw .waitCancelled
        }
        if connection.isStale { throw .staleConnection }
        if connection.state == .closed, let error = connection.error { throw error }
    }

    /// Connects, and suspends until the connection is up; it is closed when that fails.
    /// - Throws: as `connect` and the wait for a connection.
    public func connected(
        to address: EndpointAddress, selection: TransportSelection? = nil, timeout: Duration? = nil,
        on actor: isolated (any Actor)? = #isolation
    ) async throws(HandfastError) -> Connection {
        let connection = try connect(to: address, selection: selection)
        do throws(HandfastError) {
            try await wait(for: connection, timeout: timeout)
            return connection
        } catch {
            connection.close()
            throw error
        }
    }

    /// Suspends until a condition of this endpoint holds: it is looked at after progress.
    func suspend(
        _ timeout: Duration?, until condition: @escaping () -> Bool, on actor: isolated (any Actor)? = #isolation
    ) async throws(HandfastError) -> TaskWaits.Outcome {
        if condition() { return .held }
        return try await engine.madeTaskWaits().wait(timeout, until: condition)
    }
}

extension HandfastError {
    static let waitCancelled = HandfastError(.cancelled, "the task was cancelled")
}
