import Precon

/// A process of a simulated network: who it is, whom it talks to, and what reaches it.
final class SimulatedEndpoint {
    /// Where a peer is said to be.
    enum Place {
        /// At the endpoint with this number, which may be another one than was meant.
        case endpoint(Int)
        /// Whoever connects there is refused.
        case closed
    }

    unowned let network: SimulatedNetwork
    let number: Int
    let name: PeerName
    let speaksEarlierDialect: Bool
    private(set) var isUp = true
    private var incarnation: UInt64
    private(set) var associations: [Int: SimulatedAssociation] = [:]
    var wishes: [Int] = []
    /// Accepted streams whose handshakes are not finished.
    var pendingCount = 0
    private(set) var connectionInfo: ConnectionInfo
    private(set) var peerInfo = PeerInfo()

    init(_ network: SimulatedNetwork, number: Int, name: String, speaksEarlierDialect: Bool) {
        self.network = network
        self.number = number
        self.name = PeerName(name)
        self.speaksEarlierDialect = speaksEarlierDialect
        incarnation = network.word()
        connectionInfo = ConnectionInfo(
            origin: .tcp(port: 1), node: UInt32(number), rank: -1, connectionID: 0, name: self.name.wire)
        peerInfo.name = name
    }

    /// A process expects whom it wants to talk to, and who wants to talk to it; others come by a wrong address.
    private func expects(_ peer: Int) -> Bool {
        wishes.contains(peer) || network.endpoints[peer].wishes.contains(number)
    }

    func association(with peer: Int) -> SimulatedAssociation {
        if let known = associations[peer] { return known }
        let new = SimulatedAssociation(self, peer: peer)
        associations[peer] = new
        return new
    }

    func demand(_ peer: Int) { if isUp { association(with: peer).demand() } }

    // MARK: Handshakes

    private var version: VersionOffer {
        let ours = VersionOffer.Extension(
            features: 0, incarnation: incarnation,
            nonce: VersionOffer.Nonce(high: network.word(), low: network.word()))
        return VersionOffer(
            lowest: VersionOffer.pscomDialect,
            highest: speaksEarlierDialect ? VersionOffer.pscomDialect : VersionOffer.handfastDialect,
            handfast: speaksEarlierDialect ? nil : ours)
    }

    func makeStarter(_ stream: SimulatedStream) -> SimulatedHandshake {
        let handshake = Handshake(
            startingAs: connectionInfo, onDemand: true, version: version,
            peerInfo: speaksEarlierDialect ? nil : peerInfo, transports: SimulatedNetwork.transports)
        return SimulatedHandshake(self, stream, end: 0, handshake)
    }

    /// A stream has come.
    func accept(_ stream: SimulatedStream) {
        guard pendingCount < network.conditions.pendingHandshakeLimit else {
            network.busyCount += 1
            stream.send(.reject(Rejection(.busy, "\(pendingCount) handshakes are unfinished here")), from: 1)
            return stream.close(at: 1)
        }
        pendingCount += 1
        network.mostPending = max(network.mostPending, pendingCount)
        let handshake = Handshake(answeringWith: version, peerInfo: speaksEarlierDialect ? nil : peerInfo)
        SimulatedHandshake(self, stream, end: 1, handshake).tell(.opened)
    }

    func identify(_ handshake: SimulatedHandshake, _ identity: PeerIdentity) {
        let claim = PeerClaim(identity, address: "endpoint \(handshake.stream.endpoints[1 - handshake.end])")
        switch handshake.role {
        case .starter:
            handshake.isIdentified = handshake.association?.arbiter.objection(to: claim) == nil
            handshake.association?.tell(.forwardIdentified(handshake.id, claim))
        case .answerer:
            guard let peer = network.number(of: claim), expects(peer) else {
                return handshake.reject(.unknownName(claim, at: name.whole))
            }
            association(with: peer).accept(handshake, claim)
        }
    }

    func welcome(_ handshake: SimulatedHandshake) {
        handshake.tell(.peerAccepted(as: connectionInfo, transports: SimulatedNetwork.transports, refusals: [:]))
    }

    func askedToConnect(_ handshake: SimulatedHandshake, _ info: ConnectionInfo, about: PeerInfo?) {
        let claim = PeerClaim(wireName: info.name, wholeName: about?.name, incarnation: nil, address: "")
        guard let peer = network.number(of: claim), expects(peer) else {
            return handshake.reject(.unknownName(claim, at: name.whole))
        }
        association(with: peer).askedToConnect(handshake)
    }

    // MARK: The process

    /// - Parameter isSilent: with its host, which tells nobody; a peer's stream ends when its patience does.
    func crash(isSilent: Bool) {
        guard isUp else { return }
        isUp = false
        for stream in network.openStreams {
            if stream.endpoints.contains(number) { stream.isFormer = true }
            for end in 0...1 where stream.endpoints[end] == number && stream.isOpen(at: end) {
                stream.breakUp(after: isSilent ? SimulatedNetwork.patience : .zero)
                if case .handshake(let handshake) = stream.readers[end] { handshake.vanish() }
                stream.release(end)
            }
        }
        for association in associations.values { association.vanish() }
        associations = [:]
    }

    /// Under its old name; it wants what it wanted.
    func restart() {
        guard !isUp else { return }
        isUp = true
        incarnation = network.word()
        for peer in wishes { demand(peer) }
    }
}
