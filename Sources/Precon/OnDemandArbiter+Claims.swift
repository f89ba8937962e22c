/// The peer's connects: who may take whose place.
extension OnDemandArbiter {
    mutating func receive(_ stream: StreamID, _ claim: PeerClaim) -> [OnDemandAction] {
        if let rejection = objection(to: claim) { return [.reject(stream, rejection)] }
        switch state {
        case .idle: return take(stream, claim, isWanted: false)
        case .connecting: return [.cancelConnect] + take(stream, claim, isWanted: true)
        case .askingBack: return [.cancelConnect] + take(stream, claim, isWanted: true)
        case .awaitingPeer: return [.disarm(.peerConnect)] + take(stream, claim, isWanted: true)
        case .offering(let own) where order == .higher: return [.abandon(own)] + take(stream, claim, isWanted: true)
        case .answered(let old) where claim.incarnation != incarnation,
            .accepting(let old, _) where claim.incarnation != incarnation:
            // The process that was talked to has gone, or is told to come again.
            return [.reject(old, followed(by: claim))] + take(stream, claim, isWanted: isWanted)
        case .answered where order == .higher:
            // The peer took ours when it had none, so this is an older one, or ours has broken: soon known.
            return [.reject(stream, Rejection(.busy, "an earlier connection to \(peer.whole) is being set up"))]
        case .offering, .answered:
            let text = "both sides connect, and the connect of the lower name goes on"
            return [.reject(stream, Rejection(.superseded, text))]
        case .accepting: return [.reject(stream, anotherIsSetUp)]
        case .established(let old, _): return receiveBeside(old, stream, claim)
        }
    }

    /// What is established stays until the newcomer has shown that it is one: a claim is soon made.
    private mutating func receiveBeside(_ old: StreamID, _ stream: StreamID, _ claim: PeerClaim) -> [OnDemandAction] {
        guard claim.incarnation != incarnation else {
            let text = "the last connection with \(peer.whole) has not ended yet"
            return [.reject(stream, Rejection(.busy, text))]
        }
        guard let next = claim.incarnation, !isRetired(next) else {
            return [.reject(stream, .duplicateName(peer.whole, address, claim.address))]
        }
        guard next != successor?.incarnation else { return [.reject(stream, anotherIsSetUp)] }
        let earlier = successor.map { OnDemandAction.reject($0.stream, followed(by: claim)) }
        state = .established(
            old, successor: Successor(stream: stream, incarnation: next, address: claim.address))
        return (earlier.map { [$0] } ?? []) + [.accept(stream)]
    }

    private var anotherIsSetUp: Rejection {
        Rejection(.busy, "an earlier connection from \(peer.whole) is being set up")
    }

    private func followed(by claim: PeerClaim) -> Rejection {
        Rejection(.busy, "another process called \(peer.whole) has come, from \(claim.address)")
    }

    /// Another one was connected after it, so that it has ended, or two live under one name.
    private func isRetired(_ incarnation: UInt64) -> Bool { connectedIncarnations.dropLast().contains(incarnation) }

    /// Whether this side wants the connection, whoever makes it.
    private var isWanted: Bool {
        switch state {
        case .connecting, .offering, .answered, .accepting(_, isWanted: true), .askingBack, .awaitingPeer: true
        case .idle, .accepting(_, isWanted: false), .established: false
        }
    }

    private mutating func take(_ stream: StreamID, _ claim: PeerClaim, isWanted: Bool) -> [OnDemandAction] {
        state = .accepting(stream, isWanted: isWanted)
        learn(claim)
        return [.accept(stream)]
    }

    /// Why the other end of a stream cannot be this peer, or cannot be talked to.
    public func objection(to claim: PeerClaim) -> Rejection? {
        guard claim.isOf(peer) else {
            return Rejection(.unknownName, "\(peer.whole) was expected, and \(claim.name) is at \(claim.address)")
        }
        return order == .same ? .duplicateName(peer.whole, "this endpoint", claim.address) : nil
    }

    mutating func learn(_ claim: PeerClaim) {
        incarnation = claim.incarnation
        address = claim.address
    }

    var successor: Successor? {
        if case .established(_, let successor) = state { successor } else { nil }
    }

    mutating func dropSuccessor() -> [OnDemandAction] {
        if let establishedStream { state = .established(establishedStream) }
        return []
    }

    mutating func learn(_ successor: Successor) {
        (incarnation, address) = (successor.incarnation, successor.address)
    }
}
