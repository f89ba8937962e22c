/// One transport after the other: proposals, steps and verdicts.
extension Handshake {
    /// The transport on trial, whatever the state.
    var round: Round? {
        get {
            switch state {
            case .awaitingVersion(let round), .awaitingConnectionInfo(_, _, _, let round), .negotiating(_, let round):
                round
            case .idle, .identifying, .ended: nil
            }
        }
        set {
            switch state {
            case .awaitingVersion: state = .awaitingVersion(newValue)
            case .awaitingConnectionInfo(let offer, let dialect, let info, _):
                state = .awaitingConnectionInfo(offer, dialect: dialect, info, newValue)
            case .negotiating(let dialect, _): state = .negotiating(dialect: dialect, newValue)
            case .idle, .identifying, .ended: break
            }
        }
    }

    /// Nil until the peer's VERSION has come.
    private var dialect: UInt32? {
        switch state {
        case .awaitingConnectionInfo(_, let dialect, _, _), .negotiating(let dialect, _): dialect
        case .idle, .awaitingVersion, .identifying, .ended: nil
        }
    }

    private var hasOneVerdictRule: Bool { dialect.map { $0 >= VersionOffer.handfastDialect } ?? false }

    mutating func updateRound(_ change: (inout Handshake, inout Round) -> [HandshakeAction]) -> [HandshakeAction] {
        guard var round else { return [] }
        let actions = change(&self, &round)
        guard state != .ended else { return actions }
        self.round = round
        return actions + settle(round)
    }

    /// The starter's next candidate, or the end.
    mutating func propose() -> [HandshakeAction] {
        guard !transports.isEmpty else {
            round = nil
            return reject(Rejection(.noCommonTransport, "no common transport: \(refusals)"))
        }
        let transport = transports.removeFirst()
        round = Round(transport: transport)
        return [.send(.transportRequest(transport)), .beginAttempt(transport: transport)]
    }

    /// What became of each candidate, for the peer's user as well as our own.
    private var refusals: String {
        let texts = decisions.map { decision in
            let name = name(of: decision.transport)
            return switch decision.outcome {
            case .refusedHere(let refusal): "\(name) refused by the starter (\(refusal.text))"
            case .refusedByPeer(let refusal): "\(name) refused by the answerer (\(refusal?.text ?? "no reason given"))"
            case .chosen, .unfinished: "\(name) not finished"
            }
        }
        return texts.isEmpty ? "none was offered" : texts.joined(separator: "; ")
    }

    mutating func receiveProposal(_ transport: UInt32) -> [HandshakeAction] {
        if let round {
            // A pscom starter goes on after our ARCH_NEXT without a verdict of its own.
            guard !hasOneVerdictRule, round.own == .refused else {
                return reject(Rejection(.protocolViolation, "ARCH_REQ came while waiting for \(waitingFor)"))
            }
        }
        guard transports.contains(transport) else {
            let refusal =
                knownRefusals[transport]
                ?? Refusal(.unknownTransport, "transport \(name(of: transport)) is not known here")
            decisions.append(TransportDecision(transport: transport, outcome: .refusedHere(refusal)))
            round = Round(transport: transport, own: .refused)
            return [.send(.transportRefused(refusal))]
        }
        round = Round(transport: transport)
        return [.beginAttempt(transport: transport)]
    }

    mutating func handleAttempt(_ event: HandshakeEvent, _ round: inout Round) -> [HandshakeAction] {
        guard round.own == .open, round.withheld == nil else { return [] }
        switch event {
        case .attemptStep(let number, let payload): return [.send(.step(number: number, payload: payload))]
        case .attemptAccepted:
            round.own = .accepted
            return [.send(.transportAccepted)]
        case .attemptRefused(let refusal):
            // Whether the peer understands a refusal after the proposal is known with its VERSION.
            guard role == .answerer || dialect != nil else {
                round.withheld = refusal
                return []
            }
            return giveRefusal(refusal, &round)
        case .opened, .received, .receivedGarbage, .peerAccepted, .peerRejected, .streamEnded, .deadlinePassed,
            .abandoned:
            return []
        }
    }

    mutating func giveRefusal(_ refusal: Refusal, _ round: inout Round) -> [HandshakeAction] {
        round.own = .refused
        decisions.append(TransportDecision(transport: round.transport, outcome: .refusedHere(refusal)))
        let abandon = HandshakeAction.abandonAttempt(transport: round.transport)
        guard role == .answerer || hasOneVerdictRule else {
            self.round = round
            return [abandon] + fail(.refusedAfterProposal(transport: round.transport, refusal))
        }
        return [.send(.transportRefused(refusal)), abandon]
    }

    mutating func receiveVerdict(_ verdict: Verdict, _ refusal: Refusal?, _ round: inout Round) -> [HandshakeAction] {
        // The peer of an earlier dialect may answer a transport that is already off the table.
        guard round.peer == .open else {
            guard hasOneVerdictRule else { return [] }
            return reject(Rejection(.protocolViolation, "a second verdict on transport \(name(of: round.transport))"))
        }
        round.peer = verdict
        guard verdict == .refused else { return [] }
        let wasOpen = round.own == .open
        guard round.own != .refused else { return [] }
        round.own = .refused
        round.withheld = nil
        decisions.append(TransportDecision(transport: round.transport, outcome: .refusedByPeer(refusal)))
        // Our own verdict is owed by an answerer always, by a starter under the rule of one verdict.
        let isOwed = wasOpen && (role == .answerer || hasOneVerdictRule)
        let text = Refusal(refusal?.code ?? .unreachable, "the peer refused first")
        return (isOwed ? [.send(.transportRefused(text))] : []) + [.abandonAttempt(transport: round.transport)]
    }

    /// Goes on when both verdicts are known.
    private mutating func settle(_ round: Round) -> [HandshakeAction] {
        switch (round.own, round.peer) {
        case (.accepted, .accepted):
            // The peer's CON_INFO comes before its verdict, so this side knows by now whom it talks to.
            decisions.append(TransportDecision(transport: round.transport, outcome: .chosen))
            state = .ended
            return [.completeAttempt(transport: round.transport)]
        case (.refused, .accepted), (.refused, .refused):
            self.round = nil
            return role == .starter ? propose() : []
        case (.open, .open), (.open, .accepted), (.open, .refused),
            (.accepted, .open), (.accepted, .refused), (.refused, .open):
            return []
        }
    }
}
