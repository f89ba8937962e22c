public import TransportAPI

/// Decides which transports are tried with which peer, from two texts of the user.
///
/// `transports` orders and restricts all of them, `shm,tcp`, or leaves some out, `^tcp`. `select` does so for single
/// peers by the first rule that matches, `local=shm,tcp; 10.0.0.0/8=tcp; rank7=^tcp; *=shm`, and cannot bring back what
/// `transports` has left out. The left side of a rule is `local`, an IP address or network, or a name with `*` and `?`.
public struct TransportSelection: Sendable {
    /// All names, in the order of the definitions.
    private let known: [String]
    private let transports: SelectionText
    /// What `transports` leaves, in its order.
    private let allowed: [String]
    private let allowsByName: Bool
    private let select: SelectionText
    private let rules: [SelectionRule]

    /// From the arguments of a program; nil or a blank text sets nothing.
    /// - Parameter known: the names of all transports, in the order in which they are tried where nothing is said.
    /// - Throws: `invalidArgument` with argument, text, place and what is allowed there.
    public init(transports: String?, select: String?, known: [String]) throws(HandfastError) {
        try self.init(
            transports: SelectionText(.argument("transports"), transports ?? ""),
            select: SelectionText(.argument("select"), select ?? ""), known: known)
    }

    init(transports: SelectionText, select: SelectionText, known: [String]) throws(HandfastError) {
        try transports.checkLength()
        let list = try transports.isBlank ? nil : TransportList(transports.utf8[...], of: transports, known: known)
        self.known = known
        self.transports = transports
        allowed = list?.apply(to: known) ?? known
        allowsByName = list?.leavesOut == false
        self.select = select
        rules = try SelectionRule.rules(of: select, known: known)
    }

    /// What may be tried with a peer; every known name is in one of the two lists.
    public func choose(for peer: PeerDescription) -> TransportChoice {
        let rule = rules.first { $0.peers.matches(peer) }
        let names = rule?.list.apply(to: allowed) ?? allowed
        let excluded = known.filter { !names.contains($0) }
        return TransportChoice(
            names: names, excluded: excluded.map { .init(name: $0, reason: reason(against: $0, rule: rule)) })
    }

    private func reason(against name: String, rule: SelectionRule?) -> String {
        let ruleText = rule.map { "the rule \($0.text.quoted) of \(select.place)" } ?? ""
        if allowed.contains(name), let rule {
            return (rule.list.leavesOut ? "excluded by " : "not named by ") + ruleText
        }
        let reason = (allowsByName ? "not named by " : "excluded by ") + transports.assignment
        let isNamedByRule = rule.map { !$0.list.leavesOut && $0.list.names.contains(name) } ?? false
        return isNamedByRule ? "\(reason), although \(ruleText) names it" : reason
    }
}
