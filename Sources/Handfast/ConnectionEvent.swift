/// The end of a connection that this side did not close, as `Endpoint.takeEvent` tells it.
public struct ConnectionEvent: Hashable {
    /// A direct connection is over and to be closed; one on demand is expected again, and the next message connects.
    public let connection: Connection
    /// `closed` when the peer said goodbye, `peerLost` when it vanished, `peerRestarted` when another process of its
    /// name has come in its place, and every other reason why a connection cannot go on, or was never made.
    public let reason: HandfastError
}

/// Events that nobody has taken: at most one of each connection, the last.
struct EventQueue {
    private var events: [ConnectionEvent] = []

    mutating func add(_ event: ConnectionEvent, of record: ConnectionRecord) {
        forget(record)
        record.hasEvent = true
        events.append(event)
    }

    /// The user wants no more of the connection.
    mutating func forget(_ record: ConnectionRecord) {
        guard record.hasEvent else { return }
        record.hasEvent = false
        events.removeAll { $0.connection.slot == record.slot }
    }

    /// - Returns: the oldest.
    mutating func take() -> ConnectionEvent? {
        guard !events.isEmpty else { return nil }
        let event = events.removeFirst()
        event.connection.record?.hasEvent = false
        return event
    }
}
