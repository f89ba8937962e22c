/// The messages of an endpoint that no receive waits for, one at a time, as `Endpoint.message` gives them.
///
/// It ends when the endpoint is closed or the task is cancelled. A message that is lost with its connection on the way
/// is left out, and the connection tells why; so is one that is longer than there is memory. Several iterators share the messages.
public struct MessageSequence: AsyncSequence {
    public struct AsyncIterator: AsyncIteratorProtocol {
        let endpoint: Endpoint

        /// On the actor that the caller runs on, which must be the endpoint's.
        public mutating func next(isolation actor: isolated (any Actor)?) async throws(Never) -> OwnedMessage? {
            while true {
                do throws(HandfastError) {
                    return try await endpoint.message()
                } catch {
                    // Cancelled, closed, or no memory to wait with.
                    if Task.isCancelled || endpoint.isClosed || error.code == .resources { return nil }
                }
            }
        }
    }

    let endpoint: Endpoint

    public func makeAsyncIterator() -> AsyncIterator { AsyncIterator(endpoint: endpoint) }
}
