import CSystem
import Synchronization

/// What any thread may ask of the thread that drives an endpoint: to wake up, and to cancel.
final class Waker: Sendable {
    private let event: Descriptor
    private let cancelled = Mutex<[UInt64]>([])

    /// - Throws: `resources`.
    init() throws(HandfastError) {
        let number = csystem_event_make()
        guard number >= 0 else {
            throw HandfastError(
                .resources, "no descriptor to wake the endpoint by: \(systemErrorText(-number))", systemError: -number)
        }
        event = Descriptor(owning: number)
    }

    /// Readable when somebody asks.
    var descriptor: Int32 { event.number }

    func wake() { csystem_event_ring(event.number) }

    /// The task that waits by this number has been cancelled.
    func cancel(_ wait: UInt64) {
        cancelled.withLock { $0.append(wait) }
        wake()
    }

    /// - Returns: the waits to be cancelled; those that are over among them.
    func takeCancelled() -> [UInt64] {
        csystem_event_drain(event.number)
        return cancelled.withLock { waits in
            defer { waits = [] }
            return waits
        }
    }
}
