/// One step on the way to a connection, and how long it took.
public struct ConnectionPhase: Hashable, Sendable {
    /// What was done, with whom: `TCP connect to 10.0.0.1:5000`, `handshake with 10.0.0.1:5000`, `shm`.
    public let name: String
    /// Since the call that began the connection.
    public let start: Duration
    /// Nil when it did not come to an end.
    public let duration: Duration?
}

/// Notes the phases of one connection, for an endpoint that keeps them.
final class PhaseLog {
    private let origin = ContinuousClock.now
    private var entries: [(name: String, start: Duration, end: Duration?)] = []

    private var elapsed: Duration { origin.duration(to: .now) }

    var phases: [ConnectionPhase] {
        entries.map { entry in
            ConnectionPhase(name: entry.name, start: entry.start, duration: entry.end.map { $0 - entry.start })
        }
    }

    func begin(_ name: String) { entries.append((name, elapsed, nil)) }

    /// Ends the newest phase of the name; does nothing when there is none under way.
    func end(_ name: String) {
        guard let index = entries.lastIndex(where: { $0.name == name && $0.end == nil }) else { return }
        entries[index].end = elapsed
    }
}
