/// A precon stream, numbered by the driver; a number is not used again while anybody may still name it.
public struct StreamID: Hashable, Sendable {
    public let rawValue: UInt64
    public init(_ rawValue: UInt64) { self.rawValue = rawValue }
}

/// Who the other end of a stream says it is.
public struct PeerClaim: Hashable, Sendable {
    public var wireName: WireName
    /// Absent from a pscom peer.
    public var wholeName: String?
    /// Absent from a pscom peer.
    public var incarnation: UInt64?
    /// Where it is, for texts.
    public var address: String

    public init(wireName: WireName, wholeName: String?, incarnation: UInt64?, address: String) {
        self.wireName = wireName
        self.wholeName = wholeName
        self.incarnation = incarnation
        self.address = address
    }

    public init(_ identity: PeerIdentity, address: String) {
        self.init(
            wireName: identity.connection.name, wholeName: identity.info?.name,
            incarnation: identity.version.handfast?.incarnation, address: address)
    }

    /// For texts.
    public var name: String { wholeName ?? wireName.description }

    func isOf(_ peer: PeerName) -> Bool {
        wireName == peer.wire && (wholeName.map { PeerName($0) == peer } ?? true)
    }
}

/// What an arbiter waits for besides the streams; each passes once after it was armed, unless it is disarmed.
public enum OnDemandTimer: Hashable, Sendable, CaseIterable {
    /// The whole of one demand: from the first wish to a connection or an error.
    case demand
    /// The peer's own connect, which should be on its way.
    case peerConnect
}

/// What the owner of an arbiter tells it.
///
/// Own and accepted streams have handshakes with deadlines of their own, and what comes of them is told by
/// `streamFailed`. Of a stream that was abandoned or rejected nothing more is told.
public enum OnDemandEvent: Hashable, Sendable {
    /// The user has something for the peer.
    case demanded
    /// The user wants nothing more of this peer; what is under way is ended without a report.
    case withdrawn
    /// A stream with CON_INFO_DEMAND was accepted, and it names this peer.
    case accepted(StreamID, PeerClaim)
    /// A stream with BACK_CONNECT was accepted, and it names this peer.
    case askedToConnect(StreamID)
    /// The forward connect has a stream; the first flight follows.
    case forwardOpened(StreamID)
    /// The peer answered on the forward stream and said who it is.
    case forwardIdentified(StreamID, PeerClaim)
    /// Every address was tried as often as may be.
    case forwardUnreachable(String)
    /// At every address is another process, or one that refuses.
    case forwardRefused(String)
    /// The handshake on an own or an accepted stream has agreed on a transport.
    case agreed(StreamID)
    /// The handshake on an own or an accepted stream has ended without a connection.
    case streamFailed(StreamID, HandshakeFailure)
    /// BACK_ACK has come.
    case backConnectAcknowledged
    /// BACK_CONNECT could not be brought to the peer by any route, or has been often enough.
    case backConnectFailed(String)
    /// The established association is over, whatever ended it.
    case associationEnded(StreamID)
    case timerPassed(OnDemandTimer)
}

/// What the owner of an arbiter is to do, in order.
public enum OnDemandAction: Hashable, Sendable {
    /// Open a stream to the peer, at the address and after the wait that `ConnectRetry` says; when it is open, tell
    /// `forwardOpened` and start a handshake on demand.
    case connectForward
    /// Send BACK_CONNECT on a stream of its own, and close that when the answer has come or cannot come any more.
    case connectBack
    /// Stop what `connectForward` or `connectBack` began and what has not been told to be open.
    case cancelConnect
    /// The peer is welcome on this stream: the handshake goes on.
    case accept(StreamID)
    /// End the stream with this reason, which the peer is told.
    case reject(StreamID, Rejection)
    /// End the stream without an error: another one takes its place.
    case abandon(StreamID)
    /// Send BACK_ACK, then close.
    case acknowledge(StreamID)
    case arm(OnDemandTimer)
    case disarm(OnDemandTimer)
    /// The two are connected by this stream; its handshake and what grows out of it belong to the connection.
    case established(StreamID, as: HandshakeRole)
    /// Requests that wait for the connection fail; a later demand begins anew.
    case failed(OnDemandFailure)
    /// The association on this stream is over, for its peer is another process: end it, requests on it fail.
    case peerRestarted(StreamID)
}

/// Why a demand was not met.
public enum OnDemandFailure: Error, Hashable, Sendable {
    /// This side and the peer go by the same name, and are not the same.
    case sameName(String)
    /// No address led to the peer, nor would it connect when asked.
    case unreachable(String)
    /// Whoever is at the peer's addresses is not the peer, or says no.
    case refused(String)
    case handshake(HandshakeFailure)
    case deadlinePassed(waitingFor: String)
}

extension RejectionCode {
    /// Whether another attempt can be expected to end alike. A duplicate name is not lasting: the other process of
    /// that name may be the former one, which has not quite gone yet.
    public var isLasting: Bool {
        switch self {
        case .superseded, .busy, .timeout, .duplicateName: false
        default: true
        }
    }
}

extension HandshakeFailure {
    /// Whether another attempt can be expected to end alike.
    public var isLasting: Bool {
        switch self {
        case .rejectedByPeer(let rejection): rejection.code.isLasting
        case .rejected, .refusedAfterProposal: true
        case .streamEnded, .deadlinePassed, .abandoned: false
        }
    }
}

extension Rejection {
    /// For a stream that names nobody whom this endpoint holds a connection ready for.
    public static func unknownName(_ claim: PeerClaim, at local: String) -> Rejection {
        Rejection(.unknownName, "\(local) expects no connection from \(claim.name) at \(claim.address)")
    }

    static func duplicateName(_ name: String, _ address: String, _ other: String) -> Rejection {
        Rejection(.duplicateName, "the name \(name) is used by two processes, at \(address) and at \(other)")
    }
}
