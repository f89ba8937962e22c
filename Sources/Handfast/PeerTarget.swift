import TransportAPI

/// Where an expected peer is said to be. An endpoint may expect tens of thousands, so the usual case is kept small.
enum PeerTarget {
    case single(SinglePlace)
    indirect case places(EndpointAddress)
    /// With host names, which are resolved when somebody wants to connect, and anew each time.
    indirect case text(EndpointText)

    init(_ address: EndpointAddress) {
        self = SinglePlace(address).map { .single($0) } ?? .places(address)
    }

    init(_ text: EndpointText) throws(HandfastError) {
        let needsResolver = text.hostNames.contains { $0 != "localhost" }
        self = needsResolver ? .text(text) : Self(try EndpointAddress(text))
    }

    /// Nil when host names are to be resolved first.
    var address: EndpointAddress? {
        switch self {
        case .single(let place): place.address
        case .places(let address): address
        case .text: nil
        }
    }

    func checkScopes() throws(HandfastError) {
        switch self {
        case .single(let place): try place.address?.checkScopes()
        case .places(let address): try address.checkScopes()
        case .text(let text): try text.checkScopes()
        }
    }

    var name: String? {
        switch self {
        case .single(let place): place.name
        case .places(let address): address.name
        case .text(let text): text.name
        }
    }
}

extension PeerTarget: CustomStringConvertible {
    var description: String {
        switch self {
        case .single(let place): place.address?.description ?? ""
        case .places(let address): address.description
        case .text(let text): text.text
        }
    }
}

/// A peer with a name, one place and no zone.
struct SinglePlace {
    let name: String
    private let high, low: UInt64
    private let port: UInt16
    private let isIPv6: Bool

    init?(_ address: EndpointAddress) {
        guard let name = address.name, address.alternatives.isEmpty, address.host.zone == nil else { return nil }
        self.name = name
        (high, low) = address.host.words
        (port, isIPv6) = (address.port, address.host.isIPv6)
    }

    /// Never nil: it was checked when it was made.
    var address: EndpointAddress? {
        try? EndpointAddress(host: IPAddress(high: high, low: low, isIPv6: isIPv6), port: port, name: name)
    }
}
