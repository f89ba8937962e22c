// For a program that sleeps in a loop of its own, beside other descriptors.

extension Endpoint {
    /// What `arm` has found.
    public enum Rest: Hashable, Sendable {
        /// There is something to do now: call `progress`.
        case none
        /// Sleep until the descriptor is readable, at most so long; nil for no limit. Then call `progress`.
        case upTo(Duration?)
    }

    /// Readable when `progress` has something to do, after `arm`. An epoll descriptor, to be watched and never read; it
    /// stays the same as long as the endpoint lives.
    public var fileDescriptor: Int32 { engine.watches.descriptor }

    /// To be called right before the thread sleeps on `fileDescriptor`, each time. Whatever arrives after it makes the
    /// descriptor readable. Everything else that is called on the endpoint after it undoes it.
    public func arm() -> Rest {
        guard state.pointee.callbacks.isEmpty || state.pointee.isCallingBack else { return .none }
        if state.pointee.isHandlerDue, !state.pointee.isInHandler { return .none }
        if state.pointee.hasConditions, engine.checkConditions() > 0 { return .none }
        for index in 0..<state.pointee.polledCount {
            let polled = state.pointee.polled[index]
            guard polled.arm(polled.state) == 0 else { return .none }
        }
        // The descriptors of the slow part are looked at in a visit.
        state.pointee.callsUntilSlowPart = 0
        if engine.settle(isOver: true) { return .none }
        guard let next = engine.nextDeadline else { return .upTo(nil) }
        return .upTo(max(.zero, ContinuousClock.now.duration(to: next)))
    }
}
