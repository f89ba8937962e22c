import Precon
import TransportAPI

/// A connect that is under way: what to look at when a job hangs at its start.
public struct PendingConnect: Hashable, Sendable, CustomStringConvertible {
    /// Where its stream leads or comes from, and the name if it is known. While there is no stream: the whole address.
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

extension HandshakeDriver {
    /// Nil when nothing more is to come of it than the end of the stream.
    func pending(_ now: ContinuousClock.Instant) -> PendingConnect? {
        switch stage {
        case .closing, .over: return nil
        case .connecting, .talking, .completing: break
        }
        let name = peer.name.isEmpty ? "" : " (\(peer.name.shortened))"
        return PendingConnect(
            peer: "\(peerText)\(name)", waitingFor: waitingFor, elapsed: startedAt.duration(to: now),
            isIncoming: role == .answerer)
    }
}

extension ConnectionRecord {
    /// A connect of which no handshake and no look-up is under way: it waits for its next attempt, or for the peer's.
    func betweenSteps(_ now: ContinuousClock.Instant) -> PendingConnect? {
        switch phase {
        case .dialing(let dial) where dial.isBetweenAttempts:
            PendingConnect(
                peer: peerText, waitingFor: dial.waitingFor, elapsed: dial.startedAt.duration(to: now),
                isIncoming: false)
        case .onDemand:
            association?.demandedAt.flatMap { start in
                association?.hasStreams == true
                    ? nil
                    : PendingConnect(
                        peer: association?.asking?.description ?? peerText, waitingFor: association?.waitingFor ?? "",
                        elapsed: start.duration(to: now),
                        isIncoming: false)
            }
        case .dialing, .resolving, .connecting, .connected, .ended: nil
        }
    }
}

extension Endpoint {
    /// All connects under way, the longest first. Built when asked for.
    public var pending: [PendingConnect] { engine.pending() }
}
