import Handfast

/// What both sides say of one transport.
struct Verdict {
    let transport: String
    let outcome: String
    let here: String
    let there: String

    init(_ decision: ConnectionDecision) {
        transport = decision.transport
        switch decision.outcome {
        case .chosen: (outcome, here, there) = ("chosen", "accepted", "accepted")
        case .excluded: (outcome, here, there) = ("excluded", "left out, \(decision.reason)", "not asked")
        case .refusedHere: (outcome, here, there) = ("refused-here", "refused, \(decision.reason)", "not told")
        case .refusedByPeer:
            let reason = decision.reason.isEmpty ? "no reason given" : decision.reason
            (outcome, here, there) = ("refused-by-peer", "proposed", "refused, \(reason)")
        case .notTried: (outcome, here, there) = ("not-tried", "not tried, \(decision.reason)", "not asked")
        }
    }

    /// It works between the two, and another was chosen.
    init(notNeeded transport: String) {
        (self.transport, outcome, here, there) = (transport, "not-needed", "works, not needed", "works")
    }

    /// The peer was not reached.
    init(untried transport: String, _ here: String) {
        self.transport = transport
        outcome = "not-tried"
        self.here = here
        there = "not asked"
    }
}
