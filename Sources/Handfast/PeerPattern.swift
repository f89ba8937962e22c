import TransportAPI

/// The left side of a rule: which peers it is for.
enum PeerPattern: Hashable, Sendable {
    /// On this host, this process included.
    case local
    case network(IPNetwork)
    case name(NamePattern)

    /// - Parameter part: of `whole`, which errors quote; without blanks at its ends.
    /// - Throws: when it is empty, or looks like an address and is none, so that no typing error becomes a name.
    init(_ part: ArraySlice<UInt8>, of whole: SelectionText) throws(HandfastError) {
        let text = part.text
        if text.isEmpty {
            throw whole.error(
                at: part.startIndex,
                "the peers are missing; allowed are local, an address, a network such as 10.0.0.0/8, and a name"
                    + " with * and ?")
        }
        if text == "local" {
            self = .local
        } else if let network = IPNetwork(text) {
            self = .network(network)
        } else if Self.looksLikeAddress(part) {
            throw whole.error(
                at: part.startIndex,
                "\(text.quoted) is no address and no network; they are written 10.0.0.1, 10.0.0.0/8 and fe80::/10,"
                    + " without a zone")
        } else {
            self = .name(NamePattern(text))
        }
    }

    func matches(_ peer: PeerDescription) -> Bool {
        switch self {
        case .local: peer.isLocal || peer.isSelf
        case .network(let network): IPAddress(bytes: peer.address).map { network.contains($0) } ?? false
        case .name(let pattern): pattern.matches(peer.name)
        }
    }

    /// Digits and dots, or hexadecimal digits with two colons, whatever comes after a slash or a percent sign.
    static func looksLikeAddress(_ part: ArraySlice<UInt8>) -> Bool {
        let host = part.prefix { $0 != UInt8(ascii: "/") && $0 != UInt8(ascii: "%") }
        let isQuad = host.contains(UInt8(ascii: ".")) && host.allSatisfy { "0123456789.".utf8.contains($0) }
        let isIPv6 =
            host.count { $0 == UInt8(ascii: ":") } >= 2
            && host.allSatisfy { "0123456789abcdefABCDEF:.".utf8.contains($0) }
        return isQuad || isIPv6
    }
}
