import Precon

/// One endpoint's connect to another in a simulation, as `ConnectRetry` says.
final class SimulatedDial {
    private unowned let association: SimulatedAssociation
    private unowned let network: SimulatedNetwork
    private let places: [SimulatedEndpoint.Place]
    private var retry: ConnectRetry
    private let startedAt: Duration
    /// By address: a connect that has no stream yet, or the stream.
    private var connecting: [Int: UInt64] = [:]
    private var opened: (address: Int, handshake: SimulatedHandshake)?
    /// Addresses at which somebody said that it is another, or does not know us.
    private var strangers: Set<Int> = []
    private var isProceeding = false
    /// Changes with each wait and each connect: an old one means nothing any more.
    private var turn: UInt64 = 0
    private(set) var isOver = false

    init(_ association: SimulatedAssociation, _ places: [SimulatedEndpoint.Place]) {
        self.association = association
        self.places = places
        network = association.network
        startedAt = association.network.now
        retry = ConnectRetry(policy: SimulatedNetwork.retryPolicy, addressCount: places.count)
    }

    func proceed() {
        guard !isProceeding, !isOver else { return }
        isProceeding = true
        defer { isProceeding = false }
        turn += 1
        while true {
            switch retry.next(elapsed: elapsed, random: network.word()) {
            case .connect(let address): connect(to: address)
            case .wait(let until):
                let turn = turn
                return network.schedule(at: startedAt + until) { [weak self] in
                    if let self, self.turn == turn { proceed() }
                }
            case .giveUp(let ending):
                cancel()
                return association.gaveUp(self, ending)
            }
        }
    }

    func failed(_ handshake: SimulatedHandshake, _ failure: HandshakeFailure) {
        guard let opened, opened.handshake === handshake else { return }
        self.opened = nil
        switch failure {
        case .rejected(let rejection) where rejection.code == .unknownName,
            .rejectedByPeer(let rejection) where rejection.code == .unknownName:
            strangers.insert(opened.address)
            if strangers.count == places.count { network.complain("nobody knows \(association.endpoint.name.whole)") }
        default: break
        }
        retry.ended(
            address: opened.address, outcome(of: failure, isIdentified: handshake.isIdentified), elapsed: elapsed)
    }

    func cancel() {
        turn += 1
        connecting = [:]
        opened.take()?.handshake.abandon()
        retry.cancelled(elapsed: elapsed)
    }

    func end() {
        cancel()
        isOver = true
    }

    private var elapsed: Duration { network.now - startedAt }

    private func outcome(of failure: HandshakeFailure, isIdentified: Bool) -> ConnectRetry.Outcome {
        let outcome = ConnectRetry.Outcome(failure)
        return outcome == .lasting && !isIdentified ? .wrongPeer : outcome
    }

    private func connect(to address: Int) {
        let number = network.word()
        connecting[address] = number
        network.connect(from: association.endpoint, to: places[address]) { [weak self] stream in
            guard let self, connecting[address] == number else { return stream?.close(at: 0) ?? () }
            connecting[address] = nil
            guard let stream else {
                retry.ended(address: address, .passing, elapsed: elapsed)
                return proceed()
            }
            open(stream, address)
        }
    }

    private func open(_ stream: SimulatedStream, _ address: Int) {
        turn += 1
        for other in connecting.keys { retry.ended(address: other, .passing, elapsed: elapsed) }
        connecting = [:]
        let handshake = association.endpoint.makeStarter(stream)
        handshake.dial = self
        opened = (address, handshake)
        association.opened(handshake)
        if !handshake.isOver { handshake.tell(.opened) }
    }
}
