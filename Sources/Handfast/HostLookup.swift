import CSystem
import Synchronization

/// The resolution of some host names: asked for by an engine, answered by a thread of the resolver.
final class HostLookup: Sendable {
    /// What the resolver said of one name: addresses, at least one, or its words.
    enum Answer: Hashable, Sendable {
        case addresses([IPAddress])
        case failure(String)
    }

    private struct State {
        var answers: [String: Answer] = [:]
        var isAbandoned = false
    }

    let names: [String]
    /// Rings when all names are answered. Closed when neither side needs it any more.
    private let event: Descriptor
    private let state = Mutex(State())

    /// - Throws: `resources`.
    init(_ names: [String]) throws(HandfastError) {
        let number = csystem_event_make()
        guard number >= 0 else {
            throw HandfastError(
                .resources, "no descriptor to wait for the resolver: \(systemErrorText(-number))", systemError: -number)
        }
        event = Descriptor(owning: number)
        self.names = names
    }

    /// Readable when all names are answered.
    var descriptor: Int32 { event.number }

    /// What has come so far, by name.
    var answers: [String: Answer] { state.withLock { $0.answers } }

    /// Nobody waits any more; names that were not asked for are not.
    func abandon() { state.withLock { $0.isAbandoned = true } }

    /// Asks for each name in turn, on the thread that calls it, and rings.
    func run(_ resolve: (String) -> Answer) {
        for name in names {
            guard !state.withLock({ $0.isAbandoned }) else { return }
            let answer = resolve(name)
            state.withLock { $0.answers[name] = answer }
        }
        csystem_event_ring(event.number)
    }
}
