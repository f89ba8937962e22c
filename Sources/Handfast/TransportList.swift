import TransportAPI

/// The right side of a rule: transports in order, `shm,tcp`, or those to leave out, `^tcp`.
struct TransportList: Hashable, Sendable {
    let leavesOut: Bool
    /// Known names, each once, at least one.
    let names: [String]

    /// - Parameter part: of `whole`, which errors quote.
    /// - Throws: for an empty element, a name that is unknown or comes twice, and a `^` that is not at the beginning.
    init(_ part: ArraySlice<UInt8>, of whole: SelectionText, known: [String]) throws(HandfastError) {
        let list = part.trimmed
        leavesOut = list.first == UInt8(ascii: "^")
        var names: [String] = []
        let elements = list.dropFirst(leavesOut ? 1 : 0)
            .split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false)
        for element in elements.map(\.trimmed) {
            let name = element.text
            if let fault = Self.fault(of: name, after: names, known: known) {
                throw whole.error(at: element.startIndex, fault)
            }
            names.append(name)
        }
        self.names = names
    }

    /// What is left of the given names, in the order of this list or, if it leaves some out, in theirs.
    func apply(to allowed: [String]) -> [String] {
        leavesOut ? allowed.filter { !names.contains($0) } : names.filter { allowed.contains($0) }
    }

    private static func fault(of name: String, after names: [String], known: [String]) -> String? {
        let all = known.joined(separator: ", ")
        if name.isEmpty { return "the name of a transport is missing; known are \(all)" }
        if name.hasPrefix("^") {
            return "`^` stands once, before the first name, and then leaves out every name that follows"
        }
        guard known.contains(name) else {
            return "\(name.quoted) is no transport; known are \(all)" + NearestName.question(for: name, among: known)
        }
        return names.contains(name) ? "\(name.quoted) comes twice" : nil
    }
}
