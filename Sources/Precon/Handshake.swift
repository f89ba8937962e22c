/// One side of the handshake on one precon stream: events in, actions out, no I/O.
///
/// The answerer behaves alike in both dialects: every ARCH_REQ gets exactly one verdict from it. Between two
/// Handfast peers the starter keeps the same rule and proposes again only when it holds both verdicts; with a
/// pscom peer ARCH_NEXT alone lets it go on.
/// Source: Documentation/Wire.md, "Handshake".
public struct Handshake: Hashable, Sendable {
    /// The most messages that a peer may send during one handshake.
    public static let maximumMessageCount = 64

    enum Verdict: Hashable, Sendable { case open, accepted, refused }

    /// One transport on trial: what each side has said of it.
    struct Round: Hashable, Sendable {
        let transport: UInt32
        var own = Verdict.open
        var peer = Verdict.open
        /// Why this side gave up before it knew whether the peer understands a late refusal.
        var withheld: Refusal?
    }

    enum State: Hashable, Sendable {
        case idle
        case awaitingVersion(Round?)
        case awaitingConnectionInfo(VersionOffer, dialect: UInt32, PeerInfo?, Round?)
        case identifying(PeerIdentity)
        case negotiating(dialect: UInt32, Round?)
        case ended
    }

    public let role: HandshakeRole
    /// Of a starter: the connect that it makes because somebody has something to send.
    let isOnDemand: Bool
    let version: VersionOffer
    let peerInfo: PeerInfo?
    var connectionInfo: ConnectionInfo?
    /// For texts: of the transports that this side knows.
    let transportNames: [UInt32: String]
    /// The starter's candidates that are still to be proposed; for an answerer all that are allowed.
    var transports: [UInt32]
    /// Of an answerer: why it does not allow others that it knows.
    var knownRefusals: [UInt32: Refusal] = [:]
    var state = State.idle
    var messageCount = 0
    /// Each transport that was tried, in order.
    public internal(set) var decisions: [TransportDecision] = []

    /// - Parameters:
    ///   - onDemand: the peer is asked for the connection that it holds ready under this side's name.
    ///   - transports: numbers in the order in which they are to be proposed.
    ///   - transportNames: for texts, of all that this side knows.
    public init(
        startingAs connectionInfo: ConnectionInfo, onDemand: Bool = false, version: VersionOffer, peerInfo: PeerInfo?,
        transports: [UInt32], transportNames: [UInt32: String] = [:]
    ) {
        role = .starter
        isOnDemand = onDemand
        self.version = version
        self.peerInfo = peerInfo
        self.connectionInfo = connectionInfo
        self.transports = transports
        self.transportNames = transportNames
    }

    /// An answerer learns from `identify` whom it talks to, and then says who it is.
    public init(answeringWith version: VersionOffer, peerInfo: PeerInfo?, transportNames: [UInt32: String] = [:]) {
        role = .answerer
        isOnDemand = false
        self.version = version
        self.peerInfo = peerInfo
        transports = []
        self.transportNames = transportNames
    }

    /// True when nothing more can happen.
    public var isOver: Bool { state == .ended }

    /// Takes one event and says what is to be done.
    public mutating func handle(_ event: HandshakeEvent) -> [HandshakeAction] {
        guard state != .ended else { return [] }
        switch event {
        case .opened: return open()
        case .received(let message): return receive(message)
        case .receivedGarbage(let error): return reject(Rejection(.protocolViolation, error.description))
        case .peerAccepted(let info, let transports, let refusals):
            knownRefusals = refusals
            return acceptPeer(as: info, transports: transports)
        case .peerRejected(let rejection): return reject(rejection)
        case .attemptStep, .attemptAccepted, .attemptRefused: return updateRound { $0.handleAttempt(event, &$1) }
        case .streamEnded: return fail(.streamEnded(waitingFor: waitingFor))
        case .abandoned: return fail(.abandoned)
        case .deadlinePassed:
            let text = "the deadline passed while waiting for \(waitingFor)"
            return [.send(.reject(Rejection(.timeout, text)))] + fail(.deadlinePassed(waitingFor: waitingFor))
        }
    }

    /// What has not come yet, for reports and errors.
    public var waitingFor: String {
        switch state {
        case .idle: "the stream to open"
        case .awaitingVersion: "VERSION"
        case .awaitingConnectionInfo: "CON_INFO"
        case .identifying: "the decision about the peer"
        case .negotiating(_, nil): role == .answerer ? "ARCH_REQ" : "a transport"
        case .negotiating(_, let round?):
            round.own == .open
                ? "this side's verdict on transport \(name(of: round.transport))"
                : "the peer's verdict on transport \(name(of: round.transport))"
        case .ended: "nothing"
        }
    }

    /// What a transport is called in texts.
    func name(of transport: UInt32) -> String { transportNames[transport] ?? "\(transport)" }

    private mutating func open() -> [HandshakeAction] {
        guard state == .idle else { return [] }
        state = .awaitingVersion(nil)
        guard role == .starter, let connectionInfo else { return [] }
        return introduction(connectionInfo) + propose()
    }

    func introduction(_ info: ConnectionInfo) -> [HandshakeAction] {
        let about = peerInfo.map { [HandshakeAction.send(.peerInfo($0))] } ?? []
        let request = isOnDemand ? PreconMessage.connectionInfoOnDemand(info) : .connectionInfo(info)
        return [.send(.version(version))] + about + [.send(request)]
    }

    private mutating func acceptPeer(as info: ConnectionInfo, transports: [UInt32]) -> [HandshakeAction] {
        guard case .identifying(let peer) = state else { return [] }
        connectionInfo = info
        self.transports = transports
        state = .negotiating(dialect: peer.dialect, nil)
        return introduction(info)
    }

    /// Ends the handshake for a reason that the peer is told. A pscom peer ignores the message.
    mutating func reject(_ rejection: Rejection) -> [HandshakeAction] {
        [.send(.reject(rejection))] + fail(.rejected(rejection))
    }

    mutating func fail(_ failure: HandshakeFailure) -> [HandshakeAction] {
        var actions: [HandshakeAction] = []
        if let round, round.own != .refused {
            decisions.append(TransportDecision(transport: round.transport, outcome: .unfinished))
            actions.append(.abandonAttempt(transport: round.transport))
        }
        state = .ended
        return actions + [.fail(failure)]
    }
}
