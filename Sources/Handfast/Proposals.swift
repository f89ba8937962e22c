import TransportAPI

/// What a starter proposes to a peer, in order, and why not the rest.
struct Proposals {
    var transports: [UInt32] = []
    var attempts: [UInt32: any TransportAttempt] = [:]
    var decisions: [ConnectionDecision]
}

extension Engine {
    /// To be asked before the network is touched: who has nothing to propose does not bother the peer.
    /// - Throws: `noTransport` with each reason when nothing is left.
    func propose(
        to peer: PeerDescription, _ text: String, _ selection: TransportSelection? = nil
    ) throws(HandfastError) -> Proposals {
        let (allowed, decisions) = choice(for: peer, selection)
        var proposals = Proposals(decisions: decisions)
        for live in allowed {
            let number = live.definition.number
            do throws(TransportRefusal) {
                proposals.attempts[number] = try makeAttempt(number, .starter, with: peer)
                proposals.transports.append(number)
            } catch {
                proposals.decisions.append(
                    ConnectionDecision(transport: live.definition.name, outcome: .refusedHere, reason: error.text))
            }
        }
        guard !proposals.transports.isEmpty else {
            let why = proposals.decisions.map(\.description).joined(separator: "; ")
            throw HandfastError(.noTransport, "\(text): no transport is left (\(why))")
        }
        return proposals
    }
}
