import Precon
import TransportAPI

// A connection on demand to the endpoint itself: one connection that receives what it sends.

extension Engine {
    /// Whether an expected peer is this endpoint, by its name and by where it is said to be.
    func isItself(_ target: PeerTarget) -> Bool {
        guard target.name == name, let address = target.address else { return false }
        return areOwn(address.places)
    }

    /// The same for a stream on demand. It is seen at the end where it was accepted, before the other end hears anything.
    func isOwnDemand(_ driver: HandshakeDriver, _ identity: PeerIdentity) -> Bool {
        guard driver.role == .answerer, let record = peers.find(WireName(name), wholeName: name)?.slot.record else {
            return false
        }
        if let association = record.association, association.connectionID == identity.connection.connectionID {
            association.withdraw()
            record.association = nil
            unwatch(association)
            joinItself(record)
        }
        guard record.association == nil else { return false }
        // Another stream of that connect, as a rule.
        driver.isSpare = true
        driver.reject(Rejection(.unknownName, "this endpoint itself is there, and is called \(name.quoted)"))
        return true
    }

    /// Needs no stream: an attempt is given back what it would send.
    func joinItself(_ slot: UnsafeMutablePointer<ConnectionSlot>, _ target: PeerTarget) {
        let peer = PeerDescription(name: name, address: [], isLocal: true)
        let record = ConnectionRecord(slot: slot, engine: self, peer: peer, peerText: target.description)
        adopt(record)
        joinItself(record)
    }

    private func joinItself(_ record: ConnectionRecord) {
        var peer = PeerDescription(name: name, address: [], isLocal: true)
        peer.isSelf = true
        record.peer = peer
        do throws(HandfastError) {
            let proposals = try propose(to: peer, record.peerText)
            record.decisions = proposals.decisions
            for number in proposals.transports {
                guard let attempt = proposals.attempts[number],
                    let index = transports.firstIndex(where: { $0.definition.number == number })
                else { continue }
                let name = transportName(number)
                do throws(TransportRefusal) {
                    try mirror(attempt)
                    try carry(record, by: index, attempt, socket: -1, .messages)
                    record.decisions.append(ConnectionDecision(transport: name, outcome: .chosen, reason: ""))
                    record.peerIncarnation = incarnation
                    return record.slot.begin(peerFeatures: connectionFeatures)
                } catch {
                    record.decisions.append(
                        ConnectionDecision(transport: name, outcome: .refusedHere, reason: error.text))
                }
            }
            let why = record.decisions.map(\.description).joined(separator: "; ")
            throw HandfastError(
                .noTransport, "\(record.peerText): no transport joins this endpoint to itself (\(why))")
        } catch { end(record, error) }
    }

    private func mirror(_ attempt: any TransportAttempt) throws(TransportRefusal) {
        guard !attempt.takesSocket, case .step(_, let payload) = try attempt.advance(step: nil),
            try attempt.advance(step: payload) == .accepted
        else { throw TransportRefusal(.unreachable, "it needs two ends, and here is one") }
    }
}
