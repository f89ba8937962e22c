/// A connect that is under way: what to look at when a job hangs at its start.
public struct PendingConnect: Hashable, Sendable, CustomStringConvertible {
    /// Address, and name once it is known.
    public let peer: String
    /// What has not come yet.
    public let waitingFor: String
    public let elapsed: Duration
    /// The peer began.
    public let isIncoming: Bool

    public var description: String {
        "\(isIncoming ? "from" : "to") \(peer): waiting for \(waitingFor) since \(elapsed)"
    }
}

extension Endpoint {
    /// All connects under way, the longest first. Built when asked for.
    public var pending: [PendingConnect] { engine.pending() }
}
