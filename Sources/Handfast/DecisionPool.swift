/// Lists of decisions that several connections have in common: most peers of an endpoint get the same, and the reasons
/// are long.
struct DecisionPool {
    private static let limit = 8

    private var lists: [[ConnectionDecision]] = []

    /// The same list, in memory that is shared if it was seen lately.
    mutating func share(_ list: [ConnectionDecision]) -> [ConnectionDecision] {
        if let index = lists.firstIndex(of: list) { return lists[index] }
        if lists.count == Self.limit { lists.removeFirst() }
        lists.append(list)
        return list
    }
}
