import Glibc

/// A message with memory of its own, for a program that does not want to provide the room.
public struct OwnedMessage: Hashable {
    /// The user header.
    public let header: [UInt8]
    public let payload: [UInt8]
    /// Where it came from.
    public let connection: Connection
}

extension Endpoint {
    /// Suspends until there is a message that no receive waits for, and takes the oldest.
    ///
    /// Costs two allocations and copies; receives into memory of the program's own are faster. Receives that are posted
    /// come first, and messages beyond HANDFAST_UNEXPECTED_BYTES stay with their senders until they are taken.
    /// - Parameters:
    ///   - connection: nil for any.
    ///   - timeout: until the message has begun to arrive; nil for no limit.
    /// - Throws: `timeout`; `cancelled` when the task is, unless a message has begun to arrive; the error by which the
    ///   connection ended, or that of the message's; `truncated` for a message longer than there is memory, which is
    ///   gone; `closed` when the endpoint is; `stale`; `resources`.
    public func message(
        from connection: Connection? = nil, timeout: Duration? = nil, on actor: isolated (any Actor)? = #isolation
    ) async throws(HandfastError) -> OwnedMessage {
        if let connection { try checkOwner(of: connection) }
        while true {
            let outcome = try await suspend(timeout) { [self] in
                if let connection { return hasMessageOrEnd(connection) }
                return state.pointee.arrivals.first != nil || isClosed
            }
            switch outcome {
            case .held: break
            case .timedOut: throw HandfastError(.timeout, "no message has come after \(timeout ?? .zero)")
            case .cancelled: throw .waitCancelled
            }
            // Another task may have been faster.
            if let message = try await takeMessage(connection) { return message }
        }
    }

    /// The messages that no receive waits for, of all connections, in the order of their arrival; see `MessageSequence`.
    public var messages: MessageSequence { MessageSequence(endpoint: self) }

    private func hasMessageOrEnd(_ connection: Connection) -> Bool {
        connection.isStale || connection.slot.pointee.unexpected.first != nil || endReason(of: connection) != nil
    }

    private func takeMessage(
        _ connection: Connection?, on actor: isolated (any Actor)? = #isolation
    ) async throws(HandfastError) -> OwnedMessage? {
        if connection?.isStale == true { throw .staleConnection }
        let oldest = connection.map { $0.slot.pointee.unexpected.first } ?? state.pointee.arrivals.first
        guard let oldest else {
            if let connection, let reason = endReason(of: connection) { throw reason }
            if isClosed { throw HandfastError(.closed, "the endpoint was closed") }
            return nil
        }
        let (headerByteCount, byteCount) = (oldest.pointee.userHeaderByteCount, oldest.pointee.payloadByteCount)
        // A peer may announce more than there is memory: then nothing fits, and the message is passed over.
        let start = malloc(max(1, headerByteCount + byteCount))
        defer { free(start) }
        let header = UnsafeMutableRawBufferPointer(start: start, count: start == nil ? 0 : headerByteCount)
        let payload = UnsafeMutableRawBufferPointer(
            start: start.map { $0 + headerByteCount }, count: start == nil ? 0 : byteCount)
        // Matches at once, so nothing cancels it, and the room is in use no longer than this waits.
        let request = try receive(into: payload, header: header, from: connection)
        let completion = try await wait(for: request)
        guard let from = completion.connection else { throw .staleConnection }
        return OwnedMessage(header: Array(header), payload: Array(payload), connection: from)
    }
}
