/// Owns an endpoint for tasks: they run on the thread that drives it, one at a time, and wait without blocking it.
///
/// `run` is the whole of it for a program that is not a loop of its own: it takes the thread that calls it, which may
/// be the main one or one that the program starts for this; the library starts none.
public actor EndpointActor {
    /// Only for code on this actor.
    public let endpoint: Endpoint
    /// For tasks that shall prefer it, and for other actors that share the endpoint's thread.
    public nonisolated let executor: EndpointExecutor

    private init(_ endpoint: sending Endpoint) throws(HandfastError) {
        executor = try EndpointExecutor(for: endpoint)
        self.endpoint = endpoint
    }

    public nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    /// Runs a task on the endpoint, on the thread that calls this, and returns when it is over. Further tasks that it
    /// has started on the actor stop where they are.
    /// - Parameters:
    ///   - endpoint: used by nobody else from here on.
    ///   - body: gets the actor, on which it runs. Further tasks are begun by `start`; a plain `Task` runs here too when
    ///     it uses the actor, but passes through the global pool whenever it is resumed.
    /// - Returns: what the body returns.
    /// - Throws: what the body throws; `resources`.
    public static func run<Value: Sendable>(
        _ endpoint: sending Endpoint, _ body: @escaping @Sendable (isolated EndpointActor) async throws -> Value
    ) throws -> Value {
        let actor = try EndpointActor(endpoint)
        return try actor.executor.onThisThread {
            try actor.assumeIsolated { actor in
                let outcome = Outcome<Value>()
                // It prefers the executor, else each resumption would pass through the global pool.
                Task(executorPreference: actor.executor) { await actor.run(body, outcome) }
                actor.executor.run(actor.endpoint) { outcome.result != nil }
                // Nothing else ends the loop.
                return try outcome.result!.get()
            }
        }
    }

    /// Begins a further task on the actor, which prefers its executor.
    /// - Parameter body: gets the actor, on which it runs.
    @discardableResult
    public nonisolated func start<Value: Sendable>(
        _ body: @escaping @Sendable (isolated EndpointActor) async throws -> Value
    ) -> Task<Value, any Error> {
        Task(executorPreference: executor) { try await self.run(body) }
    }

    private func run<Value: Sendable>(
        _ body: @Sendable (isolated EndpointActor) async throws -> Value
    ) async throws -> Value { try await body(self) }

    private func run<Value: Sendable>(
        _ body: @Sendable (isolated EndpointActor) async throws -> Value, _ outcome: Outcome<Value>
    ) async {
        do { outcome.result = .success(try await body(self)) } catch { outcome.result = .failure(error) }
    }
}

// Used on the actor's thread alone.
private final class Outcome<Value: Sendable>: @unchecked Sendable {
    var result: Result<Value, any Error>?
}
