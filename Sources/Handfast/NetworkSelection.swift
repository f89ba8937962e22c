import TransportAPI

/// Which of this host's own addresses are used: `eth0,10.0.0.0/8`, or which are not, `^docker*,virbr*`.
struct NetworkSelection: Hashable, Sendable {
    fileprivate enum Pattern: Hashable {
        case network(IPNetwork)
        /// With `*` and `?`.
        case interface(NamePattern)
    }

    let leavesOut: Bool
    private let patterns: [Pattern]
    /// For errors: `HANDFAST_NETWORK=eth7`.
    private let assignment: String

    /// The longest list of interfaces in an error.
    private static let maximumListCount = 64

    /// - Throws: for an empty element, for what looks like a network and is none, and for a `^` that is not at the
    ///   beginning.
    init(_ whole: SelectionText) throws(HandfastError) {
        try whole.checkLength()
        assignment = whole.assignment
        let list = whole.utf8[...].trimmed
        leavesOut = list.first == UInt8(ascii: "^")
        var patterns: [Pattern] = []
        let elements = list.dropFirst(leavesOut ? 1 : 0)
            .split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false)
        for element in elements.map(\.trimmed) {
            patterns.append(try Self.pattern(element, of: whole))
        }
        self.patterns = patterns
    }

    private static func pattern(_ part: ArraySlice<UInt8>, of whole: SelectionText) throws(HandfastError) -> Pattern {
        let text = part.text
        if let network = IPNetwork(text) { return .network(network) }
        let fault: String
        if text.isEmpty {
            fault = "an interface or network is missing"
        } else if text.hasPrefix("^") {
            fault = "`^` stands once, before the first name, and then leaves out all that follow"
        } else if text.utf8.contains(UInt8(ascii: "/")) || PeerPattern.looksLikeAddress(part) {
            fault = "\(text.quoted) is no network"
        } else {
            return .interface(NamePattern(text))
        }
        throw whole.error(
            at: part.startIndex,
            "\(fault); allowed are interfaces such as eth0, with * and ?, and networks such as 10.0.0.0/8")
    }

    func selects(_ own: InterfaceAddress) -> Bool {
        patterns.contains { $0.matches(own) } != leavesOut
    }

    func nothingMatched(_ all: [InterfaceAddress]) -> HandfastError {
        var names: [String] = []
        for own in all where !names.contains(own.interface) { names.append(own.interface) }
        let list = names.prefix(Self.maximumListCount).map { name in
            let own = all.filter { $0.interface == name }
            let state = own.contains(where: \.isUp) ? "" : ", down"
            return "\(name) (\(own.map(\.description).joined(separator: ", "))\(state))"
        }
        return HandfastError(
            .invalidArgument,
            "\(assignment) leaves no address of an interface that is up; this host has \(list.joined(separator: ", "))")
    }
}

extension NetworkSelection.Pattern {
    fileprivate func matches(_ own: InterfaceAddress) -> Bool {
        switch self {
        case .network(let network): network.contains(own.address)
        case .interface(let pattern): pattern.matches(own.interface)
        }
    }
}
