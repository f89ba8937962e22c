import TransportAPI

// A connection on demand to the endpoint itself: one connection that receives what it sends.

extension Engine {
    /// Whether an expected peer is this endpoint, by its name and by where it is said to be.
    func isItself(_ target: PeerTarget) -> Bool {
        guard target.name == name, let address = target.address else { return false }
        return areOwn(address.places)
    }

    /// Needs no stream: an attempt is given back what it would send.
    func joinItself(_ slot: UnsafeMutablePointer<ConnectionSlot>, _ target: PeerTarget) {
        var peer = PeerDescription(name: name, address: [], isLocal: true)
        peer.isSelf = true
        let record = ConnectionRecord(slot: slot, engine: self, peer: peer, peerText: target.description)
        adopt(record)
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
                    record.decisions.append(ConnectionDecision(transport: name, outcome: .chosen, reason: ""))
                    carry(record, by: index, attempt, socket: -1, .messages)
                    record.peerIncarnation = incarnation
                    return slot.begin(peerFeatures: connectionFeatures)
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
