/// Who opened the stream: only the starter proposes transports.
public enum HandshakeRole: Hashable, Sendable { case starter, answerer }

/// Who the other side says it is; complete when its CON_INFO has come.
public struct PeerIdentity: Hashable, Sendable {
    public var version: VersionOffer
    /// The highest dialect that both sides speak.
    public var dialect: UInt32
    /// Absent from a pscom peer.
    public var info: PeerInfo?
    public var connection: ConnectionInfo
    public var isOnDemand: Bool
}

/// What happened to one transport during the handshake; kept so that the user of either side can be told.
public struct TransportDecision: Hashable, Sendable {
    public enum Outcome: Hashable, Sendable {
        case chosen
        case refusedHere(Refusal)
        /// A pscom peer gives no reason.
        case refusedByPeer(Refusal?)
        /// The handshake ended while this transport was being tried.
        case unfinished
    }
    /// The transport's number on the wire.
    public let transport: UInt32
    public let outcome: Outcome
}

/// Why a handshake ended without a connection.
public enum HandshakeFailure: Error, Hashable, Sendable {
    /// The peer said why it closes.
    case rejectedByPeer(Rejection)
    /// This side refused; the peer was told the same.
    case rejected(Rejection)
    /// The stream ended; `waitingFor` names what had not come.
    case streamEnded(waitingFor: String)
    case deadlinePassed(waitingFor: String)
    /// The peer speaks dialect 0x0200, which has no way to take back a proposal.
    case refusedAfterProposal(transport: UInt32, Refusal)
    /// The owner took another stream of the same peer; no error of anybody.
    case abandoned
}

/// What the owner of a handshake tells it.
public enum HandshakeEvent: Hashable, Sendable {
    /// The stream is open in both directions; exactly once, first.
    case opened
    case received(PreconMessage)
    /// The peer sent bytes that are no message.
    case receivedGarbage(PreconError)
    /// The answer to `identify`, before any other message is handed over: who we are to this peer, and which
    /// transports may be used with it, in any order; with a reason for others that are known, for the peer to read.
    case peerAccepted(as: ConnectionInfo, transports: [UInt32], refusals: [UInt32: Refusal])
    case peerRejected(Rejection)
    /// The attempt under way has something for its other end.
    case attemptStep(number: Int, payload: [UInt8])
    /// The attempt under way works as far as this side can see.
    case attemptAccepted
    case attemptRefused(Refusal)
    case streamEnded
    case deadlinePassed
    /// The owner takes another stream of the same peer instead; nothing more is said on this one.
    case abandoned
}

/// What the owner of a handshake is to do, in order.
public enum HandshakeAction: Hashable, Sendable {
    /// Queue for the stream. Frames of one turn belong in one write.
    case send(PreconMessage)
    /// Decide whether this peer is welcome. An answerer says `peerAccepted` or `peerRejected` before it hands over
    /// the next message; a starter goes on by itself unless it says `peerRejected`.
    case identify(PeerIdentity)
    /// Every attempt that was begun is ended by exactly one `abandonAttempt` or `completeAttempt`.
    case beginAttempt(transport: UInt32)
    case deliverStep(number: Int, payload: [UInt8])
    case abandonAttempt(transport: UInt32)
    /// Both sides accepted: the transport takes over. No further action follows.
    case completeAttempt(transport: UInt32)
    /// Close the stream when what was sent is out. No further action follows.
    case fail(HandshakeFailure)
}
