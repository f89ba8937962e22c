/// What each message means in each state.
extension Handshake {
    mutating func receive(_ message: PreconMessage) -> [HandshakeAction] {
        messageCount += 1
        guard messageCount <= Self.maximumMessageCount else {
            return reject(Rejection(.protocolViolation, "more than \(Self.maximumMessageCount) handshake messages"))
        }
        // A reason to close is welcome in every state.
        if case .reject(let rejection) = message { return fail(.rejectedByPeer(rejection)) }
        switch (state, message) {
        case (.awaitingVersion(let round), .version(let offer)): return receive(offer, round)
        case (.awaitingConnectionInfo(let offer, let dialect, nil, let round), .peerInfo(let info)):
            state = .awaitingConnectionInfo(offer, dialect: dialect, info, round)
            return []
        case (.awaitingConnectionInfo(let offer, let dialect, let about, let round), .connectionInfo(let info)):
            let peer = PeerIdentity(
                version: offer, dialect: dialect, info: about, connection: info, isOnDemand: false)
            return receive(peer, round)
        case (.awaitingConnectionInfo(let offer, let dialect, let about, nil), .connectionInfoOnDemand(let info))
        where role == .answerer:
            let peer = PeerIdentity(version: offer, dialect: dialect, info: about, connection: info, isOnDemand: true)
            return receive(peer, nil)
        case (.negotiating, .transportRequest(let transport)) where role == .answerer:
            return receiveProposal(transport)
        case (.negotiating(_, .some), .step(let number, let payload)):
            return updateRound { _, round in
                // A step that crossed our own verdict belongs to an attempt that is gone.
                round.own == .open ? [.deliverStep(number: number, payload: payload)] : []
            }
        case (.negotiating(_, .some), .transportAccepted):
            return updateRound { $0.receiveVerdict(.accepted, nil, &$1) }
        case (.negotiating(_, .some), .transportRefused(let refusal)):
            return updateRound { $0.receiveVerdict(.refused, refusal, &$1) }
        case (.idle, _), (.awaitingVersion, _), (.awaitingConnectionInfo, _), (.identifying, _), (.negotiating, _):
            return reject(Rejection(.protocolViolation, "\(message.name) came while waiting for \(waitingFor)"))
        case (.ended, _): return []
        }
    }

    private mutating func receive(_ offer: VersionOffer, _ round: Round?) -> [HandshakeAction] {
        guard let dialect = version.commonDialect(with: offer) else {
            let ours = "\(hex(version.lowest)) to \(hex(version.highest))"
            let theirs = "\(hex(offer.lowest)) to \(hex(offer.highest))"
            return reject(Rejection(.version, "no common dialect: \(ours) here, \(theirs) at the peer"))
        }
        state = .awaitingConnectionInfo(offer, dialect: dialect, nil, round)
        guard let round, let refusal = round.withheld else { return [] }
        return updateRound { handshake, round in
            round.withheld = nil
            return handshake.giveRefusal(refusal, &round)
        }
    }

    private mutating func receive(_ peer: PeerIdentity, _ round: Round?) -> [HandshakeAction] {
        switch role {
        case .answerer:
            state = .identifying(peer)
        case .starter:
            state = .negotiating(dialect: peer.dialect, round)
        }
        return [.identify(peer)]
    }

    private func hex(_ dialect: UInt32) -> String { "0x" + String(dialect, radix: 16) }
}

extension PreconMessage {
    /// The wire's own name.
    public var name: String {
        let frame = frame
        let number = frame.prefix(4).reduce(UInt32(0)) { ($0 << 8) | UInt32($1) }
        return MessageType(rawValue: number)!.description
    }
}
