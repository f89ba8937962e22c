/// Who connects, when either side of a pair may want to: one value per local name and peer; events in, actions out.
///
/// The side with the lower name prevails. Whoever has something to send connects forward; when both do, the lower
/// one refuses the other's stream as superseded and the higher one gives its own up. A forward connect that has no
/// stream yet has not been seen by anybody and yields to the peer's in either order of the names.
/// Nothing waits for ever: an own effort is bounded by the timer `demand`, a stream by its handshake's deadline.
/// Source: Documentation/Wire.md, "On demand".
public struct OnDemandArbiter: Hashable, Sendable {
    enum Order: Hashable, Sendable { case lower, same, higher }

    /// Why the peer's own connect should be on its way.
    enum Expectation: Hashable, Sendable {
        /// It gave ours up for its own.
        case superseded
        /// It was asked to, because of what kept this side from connecting.
        case asked(String)
    }

    enum State: Hashable, Sendable {
        case idle
        /// A forward stream is wanted, and not open yet.
        case connecting
        /// The forward stream is open; the peer has not said who it is.
        case offering(StreamID)
        /// The peer has taken the forward stream.
        case answered(StreamID)
        /// An accepted stream is in its handshake. When it fails, a wanted connection is tried for again.
        case accepting(StreamID, isWanted: Bool)
        case askingBack(after: String)
        case awaitingPeer(Expectation)
        /// The claim of a next incarnation takes its place only when its handshake has agreed.
        case established(StreamID, successor: Successor? = nil)
    }

    /// An accepted stream beside an established association, and who it says that it is from.
    struct Successor: Hashable, Sendable {
        let stream: StreamID
        let incarnation: UInt64
        let address: String
    }

    public let peer: PeerName
    /// This side's place relative to the peer.
    let order: Order
    var state = State.idle
    /// Whom this side talked to last.
    var incarnation: UInt64?
    /// The incarnations that were connected, the newest last: who was followed by another does not come back.
    var connectedIncarnations: [UInt64] = []
    /// The newest, and so many before it.
    static let retiredLimit = 8
    /// How often in this demand the peer said that another process has this side's name.
    var duplicateCount = 0
    /// So often it may be a former process of this name that the peer has not seen end.
    static let duplicateLimit = 3
    /// Of the incarnation talked to last, for texts.
    var address = ""

    public init(local: PeerName, peer: PeerName) {
        self.peer = peer
        order = local == peer ? .same : local < peer ? .lower : .higher
    }

    /// True when the arbiter holds nothing and waits for nothing.
    public var isIdle: Bool { state == .idle }

    /// The stream that joins the pair, if it is joined.
    public var establishedStream: StreamID? {
        if case .established(let stream, _) = state { stream } else { nil }
    }

    /// This side's connect goes on when both connect.
    public var prevails: Bool { order == .lower }

    /// A forward stream is open, and nobody has said who is there.
    public var isOffering: Bool { if case .offering = state { true } else { false } }

    /// What has not come yet, for reports and errors.
    public var waitingFor: String {
        switch state {
        case .idle, .established: "nothing"
        case .connecting: "a stream to the peer"
        case .offering: "the peer's answer"
        case .answered: "a transport, on this side's stream"
        case .accepting: "a transport, on the peer's stream"
        case .askingBack: "the answer to BACK_CONNECT"
        case .awaitingPeer: "the peer's own connect"
        }
    }

    /// Takes one event and says what is to be done.
    public mutating func handle(_ event: OnDemandEvent) -> [OnDemandAction] {
        switch event {
        case .demanded: demand()
        case .withdrawn: withdraw()
        case .accepted(let stream, let claim): receive(stream, claim)
        case .askedToConnect(let stream): [.acknowledge(stream)] + connectAsAsked()
        case .forwardOpened(let stream): open(stream)
        case .forwardIdentified(let stream, let claim): identify(stream, claim)
        case .forwardUnreachable(let text): turnBack(text)
        case .forwardRefused(let text): endRefused(text)
        case .agreed(let stream): agree(stream)
        case .streamFailed(let stream, _) where stream == successor?.stream: dropSuccessor()
        case .streamFailed(let stream, let failure): lose(stream, failure)
        case .backConnectAcknowledged: awaitPeerAsAsked()
        case .backConnectFailed(let text): giveUpAsking(text)
        case .associationEnded(let stream): end(stream)
        case .timerPassed(.demand): passDeadline()
        case .timerPassed(.peerConnect): passPeerConnect()
        }
    }
}

// MARK: What this side wants

extension OnDemandArbiter {
    private mutating func demand() -> [OnDemandAction] {
        switch state {
        case .idle:
            state = .connecting
            duplicateCount = 0
            return [.arm(.demand), .connectForward]
        case .accepting(let stream, isWanted: false):
            duplicateCount = 0
            state = .accepting(stream, isWanted: true)
            return [.arm(.demand)]
        case .accepting(_, isWanted: true), .connecting, .offering, .answered, .askingBack, .awaitingPeer, .established:
            return []
        }
    }

    private mutating func connectAsAsked() -> [OnDemandAction] {
        switch state {
        case .idle:
            guard order != .same else { return [] }
            return demand()
        case .awaitingPeer:
            // The peer says that it cannot come.
            state = .connecting
            return [.disarm(.peerConnect), .connectForward]
        case .accepting:
            // It asks because its own stream came to nothing, or it asked before that: the handshake will tell.
            return demand()
        case .connecting, .offering, .answered, .askingBack, .established: return []
        }
    }

    private mutating func withdraw() -> [OnDemandAction] {
        let gone = Rejection(.shuttingDown, "the connection is no longer wanted")
        return stop { .reject($0, gone) }
    }

    private mutating func passDeadline() -> [OnDemandAction] {
        switch state {
        case .connecting, .offering, .answered, .accepting(_, isWanted: true), .askingBack, .awaitingPeer:
            let waitedFor = waitingFor + (whyNotForward.map { ", after \($0)" } ?? "")
            let late = Rejection(.timeout, "the deadline passed while waiting for \(waitedFor)")
            return stop(isArmed: false) { .reject($0, late) } + [.failed(.deadlinePassed(waitingFor: waitedFor))]
        case .idle, .accepting(_, isWanted: false), .established: return []
        }
    }

    /// What kept this side from connecting by itself, so that the peer was asked to.
    private var whyNotForward: String? {
        switch state {
        case .askingBack(let text), .awaitingPeer(.asked(let text)): text
        case .idle, .connecting, .offering, .answered, .accepting, .awaitingPeer(.superseded), .established: nil
        }
    }

    /// Ends all that is under way; an established association itself is its owner's to end.
    private mutating func stop(isArmed: Bool = true, _ end: (StreamID) -> OnDemandAction) -> [OnDemandAction] {
        let timer = isArmed ? [OnDemandAction.disarm(.demand)] : []
        defer { if establishedStream == nil { state = .idle } }
        switch state {
        case .idle: return []
        case .established: return (successor.map { [end($0.stream)] } ?? []) + dropSuccessor()
        case .connecting, .askingBack: return [.cancelConnect] + timer
        case .offering(let stream), .answered(let stream), .accepting(let stream, isWanted: true):
            return [end(stream)] + timer
        case .accepting(let stream, isWanted: false): return [end(stream)]
        case .awaitingPeer: return [.disarm(.peerConnect)] + timer
        }
    }

    private mutating func fail(_ failure: OnDemandFailure) -> [OnDemandAction] {
        state = .idle
        return [.disarm(.demand), .failed(failure)]
    }
}

// MARK: This side's connects

extension OnDemandArbiter {
    private mutating func open(_ stream: StreamID) -> [OnDemandAction] {
        guard case .connecting = state else { return [.abandon(stream)] }
        state = .offering(stream)
        return []
    }

    private mutating func identify(_ stream: StreamID, _ claim: PeerClaim) -> [OnDemandAction] {
        guard state == .offering(stream) else { return [] }
        if let rejection = objection(to: claim) {
            // The peer itself may be at another address.
            state = .connecting
            return [.reject(stream, rejection), .connectForward]
        }
        state = .answered(stream)
        learn(claim)
        return []
    }

    private mutating func turnBack(_ text: String) -> [OnDemandAction] {
        guard case .connecting = state else { return [] }
        guard order == .higher else { return fail(.unreachable(text)) }
        state = .askingBack(after: text)
        return [.connectBack]
    }

    private mutating func endRefused(_ text: String) -> [OnDemandAction] {
        guard case .connecting = state else { return [] }
        return fail(order == .same ? .sameName(peer.whole) : .refused(text))
    }

    private mutating func awaitPeerAsAsked() -> [OnDemandAction] {
        guard case .askingBack(let text) = state else { return [] }
        state = .awaitingPeer(.asked(text))
        return [.arm(.peerConnect)]
    }

    private mutating func giveUpAsking(_ text: String) -> [OnDemandAction] {
        guard case .askingBack(let before) = state else { return [] }
        return fail(.unreachable("\(before); asked to connect instead: \(text)"))
    }

    private mutating func passPeerConnect() -> [OnDemandAction] {
        switch state {
        case .awaitingPeer(.superseded):
            state = .connecting
            return [.connectForward]
        case .awaitingPeer(.asked(let text)):
            state = .askingBack(after: text)
            return [.connectBack]
        case .idle, .connecting, .offering, .answered, .accepting, .askingBack, .established: return []
        }
    }
}

// MARK: What becomes of a stream

extension OnDemandArbiter {
    private mutating func agree(_ stream: StreamID) -> [OnDemandAction] {
        switch state {
        case .answered(stream):
            establish(stream)
            return [.disarm(.demand), .established(stream, as: .starter)]
        case .accepting(stream, let isWanted):
            establish(stream)
            return (isWanted ? [.disarm(.demand)] : []) + [.established(stream, as: .answerer)]
        case .established(let old, let successor?) where successor.stream == stream:
            learn(successor)
            establish(stream)
            return [.peerRestarted(old), .established(stream, as: .answerer)]
        case .idle, .connecting, .offering, .answered, .accepting, .askingBack, .awaitingPeer, .established: return []
        }
    }

    private mutating func establish(_ stream: StreamID) {
        state = .established(stream)
        guard let incarnation else { return }
        connectedIncarnations.removeAll { $0 == incarnation }
        connectedIncarnations.append(incarnation)
        if connectedIncarnations.count > Self.retiredLimit + 1 { connectedIncarnations.removeFirst() }
    }

    private mutating func lose(_ stream: StreamID, _ failure: HandshakeFailure) -> [OnDemandAction] {
        switch state {
        case .offering(stream) where order == .higher && Self.isSuperseded(failure):
            state = .awaitingPeer(.superseded)
            return [.arm(.peerConnect)]
        case .accepting(stream, isWanted: true) where Self.isForAnother(failure):
            state = .connecting
            return [.connectForward]
        case .offering(stream), .answered(stream), .accepting(stream, isWanted: true):
            if case .rejectedByPeer(let rejection) = failure, rejection.code == .duplicateName {
                guard order != .same else { return fail(.sameName(peer.whole)) }
                duplicateCount += 1
            }
            // Before it is known who is there, a refusal says something of that address alone.
            let isLasting = failure.isLasting && state != .offering(stream)
            guard !isLasting, duplicateCount < Self.duplicateLimit else { return fail(.handshake(failure)) }
            state = .connecting
            return [.connectForward]
        case .accepting(stream, isWanted: false):
            state = .idle
            return []
        case .idle, .connecting, .offering, .answered, .accepting, .askingBack, .awaitingPeer, .established: return []
        }
    }

    /// Whether the lower side may have given the stream up for its own. A pscom peer closes without a word.
    private static func isSuperseded(_ failure: HandshakeFailure) -> Bool {
        switch failure {
        case .rejectedByPeer(let rejection): rejection.code == .superseded
        case .streamEnded: true
        case .rejected, .deadlinePassed, .refusedAfterProposal, .abandoned: false
        }
    }

    /// Whether the peer's stream was meant for another process, whose address it has wrong: that says nothing of ours.
    private static func isForAnother(_ failure: HandshakeFailure) -> Bool {
        if case .rejectedByPeer(let rejection) = failure { rejection.code == .unknownName } else { false }
    }

    private mutating func end(_ stream: StreamID) -> [OnDemandAction] {
        guard case .established(stream, let successor) = state else { return [] }
        state = successor.map { .accepting($0.stream, isWanted: false) } ?? .idle
        if let successor { learn(successor) }
        return []
    }
}
