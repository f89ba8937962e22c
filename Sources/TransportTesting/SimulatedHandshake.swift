import Precon

/// One end of a handshake in a simulation: carries the actions of `Handshake` out.
final class SimulatedHandshake {
    private enum Stage { case talking, over }

    unowned let endpoint: SimulatedEndpoint
    let stream: SimulatedStream
    let end: Int
    private var handshake: Handshake
    private var stage = Stage.talking
    private var pending: [HandshakeAction] = []
    private var isActing = false
    let begunAt: Duration
    private var preface: PeerInfo?
    private var hasBegun = false
    /// Of a starter: the peer has said who it is, and it is the right one.
    var isIdentified = false
    weak var association: SimulatedAssociation?
    weak var dial: SimulatedDial?
    /// The transport on trial.
    private var trial: UInt32?

    var id: StreamID { stream.id }
    var role: HandshakeRole { handshake.role }
    var isOver: Bool { stage == .over }

    init(_ endpoint: SimulatedEndpoint, _ stream: SimulatedStream, end: Int, _ handshake: Handshake) {
        self.endpoint = endpoint
        self.stream = stream
        self.end = end
        self.handshake = handshake
        begunAt = endpoint.network.now
        stream.read(.handshake(self), at: end)
        endpoint.network.schedule(in: SimulatedNetwork.handshakeTimeout) { [weak self] in self?.tell(.deadlinePassed) }
    }

    /// - Parameter message: nil when the stream has ended.
    func receive(_ message: PreconMessage?) {
        switch message {
        case nil: return tell(.streamEnded)
        case .peerInfo(let info) where role == .answerer && !hasBegun:
            (preface, hasBegun) = (info, true)
            return
        case .backConnect(let info) where role == .answerer && (!hasBegun || preface != nil):
            return endpoint.askedToConnect(self, info, about: preface)
        case let message?:
            hasBegun = true
            if let preface = preface.take() { tell(.received(.peerInfo(preface))) }
            tell(.received(message))
        }
    }

    func reject(_ rejection: Rejection) { tell(.peerRejected(rejection)) }
    func abandon() { tell(.abandoned) }

    /// The answer to BACK_CONNECT.
    func closeAfter(_ message: PreconMessage) {
        guard stage == .talking else { return }
        stream.send(message, from: end)
        finish()
        stream.close(at: end)
    }

    /// The process has gone.
    func vanish() { finish() }

    func tell(_ event: HandshakeEvent) {
        guard stage == .talking else { return }
        pending += handshake.handle(event)
        guard !isActing else { return }
        isActing = true
        var next = 0
        while next < pending.count {
            act(pending[next])
            next += 1
        }
        pending.removeAll()
        isActing = false
    }

    private func finish() {
        guard stage == .talking else { return }
        stage = .over
        if role == .answerer { endpoint.pendingCount -= 1 }
    }

    private func act(_ action: HandshakeAction) {
        switch action {
        case .send(let message): stream.send(message, from: end)
        case .identify(let identity): endpoint.identify(self, identity)
        case .beginAttempt(let transport): begin(transport)
        case .deliverStep: answerStep()
        case .abandonAttempt(let transport):
            if trial != transport { endpoint.network.complain("transport \(transport) is abandoned and not on trial") }
            trial = nil
        case .completeAttempt(let transport):
            if trial != transport { endpoint.network.complain("transport \(transport) is agreed and not on trial") }
            finish()
            association?.agreed(self, by: transport)
        case .fail(let failure):
            if trial != nil { endpoint.network.complain("an attempt outlives its handshake") }
            finish()
            stream.close(at: end)
            dial?.failed(self, failure)
            association?.failed(self, failure)
        }
    }

    // MARK: Transports. The last one is agreed in one step, as TCP is; the others take a step of each side.

    private func begin(_ transport: UInt32) {
        trial = transport
        if endpoint.network.transportRefuses() {
            return tell(.attemptRefused(Refusal(.resources, "refused by chance")))
        }
        if transport == SimulatedNetwork.transports.last { return tell(.attemptAccepted) }
        if role == .starter { tell(.attemptStep(number: 1, payload: [1])) }
    }

    private func answerStep() {
        if endpoint.network.transportRefuses() {
            return tell(.attemptRefused(Refusal(.resources, "refused by chance")))
        }
        if role == .answerer { tell(.attemptStep(number: 2, payload: [2])) }
        tell(.attemptAccepted)
    }
}
