package import TransportAPI

// What the C interface asks of endpoints.

extension Endpoint {
    /// Names who owns it, for `find` of every handle that the endpoint gives out. Called once, right after it was made.
    package func setOwner(_ owner: UnsafeMutableRawPointer) {
        state.pointee.connections.owner = owner
        state.pointee.requests.owner = owner
        state.pointee.messages.owner = owner
        state.pointee.completionQueues.owner = owner
        state.pointee.regions.setOwner(owner)
    }

    /// The next connection, in the order of their places, that the program has a handle of and has not closed.
    /// - Parameter connection: stale or not; nil for the first.
    /// - Returns: nil when there is none behind it.
    /// - Throws: `invalidArgument` for one of another endpoint.
    package func connection(after connection: Connection?) throws(HandfastError) -> Connection? {
        if let connection, !state.pointee.connections.has(connection.slot) { throw .foreignConnection }
        var next = state.pointee.connections.next(after: connection?.slot)
        while let slot = next, !slot.pointee.isKnownToUser || slot.pointee.dropsArrivals {
            next = state.pointee.connections.next(after: slot)
        }
        return next.map { Connection($0) }
    }

    package var settings: Settings { engine.settings }

    // Hot path.
    /// Of the settings, without a copy of all of them.
    package var spinDuration: Duration { engine.settings.spinDuration }

    /// Each transport, with the reason why this host cannot have it, which is nil when it can.
    package var transportStates: [(definition: TransportDefinition, refusal: String?)] {
        engine.transports.map { ($0.definition, $0.refusal?.text) }
    }

}
