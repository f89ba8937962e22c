import Precon

/// One endpoint's connection on demand with one peer in a simulation: carries the actions of `OnDemandArbiter` out.
final class SimulatedAssociation {
    struct Established {
        let stream: SimulatedStream
        let transport: UInt32
        let role: HandshakeRole
    }

    unowned let endpoint: SimulatedEndpoint
    let network: SimulatedNetwork
    let peer: Int
    private(set) var arbiter: OnDemandArbiter
    private(set) var established: Established?
    private(set) var failure: OnDemandFailure?
    /// The user has something to send that has neither been sent nor failed.
    private(set) var isOwed = false
    /// Streams of its own.
    private(set) var openCount = 0
    private var demandedAt = Duration.zero
    /// Of the handshake whose failure is being told.
    private var failingSince: Duration?
    private var streams: [StreamID: SimulatedHandshake] = [:]
    private var agreement: (stream: SimulatedStream, transport: UInt32)?
    private var dial: SimulatedDial?
    private var back: (number: UInt64, stream: SimulatedStream?)?
    private var timers: [OnDemandTimer: UInt64] = [:]
    private var events: [OnDemandEvent] = []
    /// The process has ended.
    private var isGone = false
    /// The user has something for this peer, again and again.
    private var isWanted = false

    init(_ endpoint: SimulatedEndpoint, peer: Int) {
        self.endpoint = endpoint
        network = endpoint.network
        self.peer = peer
        arbiter = OnDemandArbiter(local: endpoint.name, peer: network.endpoints[peer].name)
    }

    func demand() {
        guard !isGone else { return }
        isWanted = true
        guard established == nil, !isOwed else { return }
        (isOwed, failure, demandedAt) = (true, nil, network.now)
        tell(.demanded)
    }

    func tell(_ event: OnDemandEvent) {
        guard !isGone else { return }
        events.append(event)
        guard events.count == 1 else { return }
        while let event = events.first {
            for action in arbiter.handle(event) { act(action) }
            events.removeFirst()
        }
    }

    // MARK: Streams

    func accept(_ handshake: SimulatedHandshake, _ claim: PeerClaim) {
        handshake.association = self
        streams[handshake.id] = handshake
        tell(.accepted(handshake.id, claim))
    }

    func askedToConnect(_ handshake: SimulatedHandshake) {
        streams[handshake.id] = handshake
        tell(.askedToConnect(handshake.id))
    }

    func opened(_ handshake: SimulatedHandshake) {
        handshake.association = self
        streams[handshake.id] = handshake
        openCount += 1
        tell(.forwardOpened(handshake.id))
    }

    func gaveUp(_ dial: SimulatedDial, _ ending: ConnectRetry.Ending) {
        guard self.dial === dial else { return }
        self.dial = nil
        switch ending {
        case .attemptsUsed, .deadlinePassed: tell(.forwardUnreachable("\(ending)"))
        case .noAddressLeft, .refusedForGood: tell(.forwardRefused("\(ending)"))
        }
    }

    func agreed(_ handshake: SimulatedHandshake, by transport: UInt32) {
        streams[handshake.id] = nil
        agreement = (handshake.stream, transport)
        tell(.agreed(handshake.id))
        guard established?.stream !== handshake.stream else { return }
        agreement = nil
        handshake.stream.close(at: handshake.end)
    }

    func failed(_ handshake: SimulatedHandshake, _ failure: HandshakeFailure) {
        guard streams.removeValue(forKey: handshake.id) != nil else { return }
        failingSince = handshake.begunAt
        tell(.streamFailed(handshake.id, failure))
        failingSince = nil
    }

    /// The established stream is over.
    func ended(_ stream: SimulatedStream) {
        guard established?.stream === stream else { return network.complain("an unknown stream was established") }
        close()
        tell(.associationEnded(stream.id))
        demandLater()
    }

    func vanish() {
        isGone = true
        dial?.end()
        (dial, back, established) = (nil, nil, nil)
        streams = [:]
        timers = [:]
    }

    // MARK: Actions

    private func act(_ action: OnDemandAction) {
        switch action {
        case .connectForward:
            if dial == nil { dial = SimulatedDial(self, network.places(of: peer)) }
            dial?.proceed()
        case .connectBack: connectBack()
        case .cancelConnect:
            dial?.cancel()
            endBackConnect()
        case .accept(let stream): if let handshake = streams[stream] { endpoint.welcome(handshake) }
        case .reject(let stream, let rejection): streams.removeValue(forKey: stream)?.reject(rejection)
        case .abandon(let stream): streams.removeValue(forKey: stream)?.abandon()
        case .acknowledge(let stream): streams.removeValue(forKey: stream)?.closeAfter(.backAcknowledgement)
        case .arm(let timer): arm(timer)
        case .disarm(let timer):
            if timers.removeValue(forKey: timer) == nil { network.complain("\(timer) is disarmed and not armed") }
        case .established(let stream, let role): establish(stream, role)
        case .failed(let failure): fail(failure)
        case .peerRestarted(let stream):
            guard established?.stream.id == stream else { return network.complain("a strange association is ended") }
            if agreement == nil { network.complain("an association ends before another is agreed") }
            close()
            demandLater()
        }
    }

    private func establish(_ stream: StreamID, _ role: HandshakeRole) {
        guard let agreement = agreement.take(), agreement.stream.id == stream else {
            return network.complain("stream \(stream.rawValue) is established and not agreed")
        }
        if established != nil { network.complain("\(endpoint.name.whole) has two associations with one peer") }
        // Its stream is the connection's: the dial must not close it.
        agreement.stream.read(.established(self), at: role == .starter ? 0 : 1)
        established = Established(stream: agreement.stream, transport: agreement.transport, role: role)
        isOwed = false
        dial?.end()
        dial = nil
        network.established(self)
    }

    private func fail(_ failure: OnDemandFailure) {
        dial?.end()
        dial = nil
        guard isOwed else { return }
        isOwed = false
        self.failure = failure
        // One of a peer's addresses is always right, so a stranger's word is never the last.
        if case .handshake(.rejectedByPeer(let rejection)) = failure, rejection.code == .unknownName {
            return network.complain("\(endpoint.name.whole) failed by another's wrong address: \(rejection.text)")
        }
        // The peer may have begun before, and been refused by chance then.
        if min(demandedAt, failingSince ?? demandedAt) > network.conditions.faultsEnd {
            return network.complain("\(endpoint.name.whole) failed on a fair network: \(failure)")
        }
        demandLater()
    }

    /// While things go wrong, and once more when nothing does.
    private func demandLater() {
        guard isWanted else { return }
        let pause = Duration.milliseconds(network.number(1...500))
        let time = network.now + pause
        network.schedule(at: network.number(0...1) == 0 ? time : max(time, network.conditions.faultsEnd + pause)) {
            [weak self] in self?.demand()
        }
    }

    private func close() {
        guard let old = established.take() else { return }
        old.stream.close(at: old.role == .starter ? 0 : 1)
    }

    private func arm(_ timer: OnDemandTimer) {
        if timers[timer] != nil { network.complain("\(timer) is armed twice") }
        let number = network.word()
        timers[timer] = number
        network.schedule(in: SimulatedNetwork.timeout(of: timer)) { [weak self] in
            guard let self, timers[timer] == number else { return }
            timers[timer] = nil
            tell(.timerPassed(timer))
        }
    }

    // MARK: BACK_CONNECT

    private func connectBack() {
        let number = network.word()
        back = (number, nil)
        network.connect(from: endpoint, to: network.places(of: peer)[0]) { [weak self] stream in
            guard let self, back?.number == number else { return stream?.close(at: 0) ?? () }
            guard let stream else { return backConnectEnded("no stream") }
            back = (number, stream)
            stream.read(.backConnect(self), at: 0)
            if endpoint.name.wire.description != endpoint.name.whole {
                stream.send(.peerInfo(endpoint.peerInfo), from: 0)
            }
            stream.send(.backConnect(endpoint.connectionInfo), from: 0)
        }
        network.schedule(in: SimulatedNetwork.connectTimeout) { [weak self] in
            if let self, back?.number == number { backConnectEnded("no answer in time") }
        }
    }

    func backConnectAnswered(_ message: PreconMessage?) {
        backConnectEnded(message == .backAcknowledgement ? nil : message?.name ?? "the end")
    }

    private func backConnectEnded(_ failure: String?) {
        endBackConnect()
        tell(failure.map { .backConnectFailed($0) } ?? .backConnectAcknowledged)
    }

    private func endBackConnect() { back.take()?.stream?.close(at: 0) }

    /// What it still waits for although nothing can happen any more.
    var remains: String? {
        if isOwed { return "waits for ever" }
        if !arbiter.isIdle, arbiter.establishedStream == nil { return "is left waiting for \(arbiter.waitingFor)" }
        if !timers.isEmpty { return "has a timer that does not pass" }
        if arbiter.establishedStream != established?.stream.id { return "is in error about its association" }
        return isWanted && established == nil && failure == nil ? "is neither connected nor told why not" : nil
    }
}
