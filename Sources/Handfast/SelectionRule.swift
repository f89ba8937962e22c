/// One rule of `select`: for these peers, these transports.
struct SelectionRule: Sendable {
    let peers: PeerPattern
    let list: TransportList
    /// As the user wrote it, without the blanks around it.
    let text: String

    /// Reads rules that are separated by semicolons; none from a blank text.
    static func rules(of select: SelectionText, known: [String]) throws(HandfastError) -> [SelectionRule] {
        try select.checkLength()
        guard !select.isBlank else { return [] }
        var rules: [SelectionRule] = []
        for part in select.utf8.split(separator: UInt8(ascii: ";"), omittingEmptySubsequences: false) {
            rules.append(try SelectionRule(part.trimmed, of: select, known: known))
        }
        return rules
    }

    private init(_ part: ArraySlice<UInt8>, of select: SelectionText, known: [String]) throws(HandfastError) {
        guard let equals = part.firstIndex(of: UInt8(ascii: "=")) else {
            throw select.error(
                at: part.startIndex, "a rule such as local=shm,tcp is missing, and only `;` stands between rules")
        }
        peers = try PeerPattern(part[..<equals].trimmed, of: select)
        list = try TransportList(part[(equals + 1)...], of: select, known: known)
        text = part.text
    }
}
