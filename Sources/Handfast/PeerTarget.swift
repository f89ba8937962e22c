import TransportAPI

/// Where an expected peer is said to be.
enum PeerTarget {
    case places(EndpointAddress)
    /// With host names, which are resolved when somebody wants to connect, and anew each time.
    case text(EndpointText)

    init(_ text: EndpointText) throws(HandfastError) {
        let needsResolver = text.hostNames.contains { $0 != "localhost" }
        self = !needsResolver ? .places(try EndpointAddress(text)) : .text(text)
    }

    var name: String? {
        switch self {
        case .places(let address): address.name
        case .text(let text): text.name
        }
    }
}

extension PeerTarget: CustomStringConvertible {
    var description: String {
        switch self {
        case .places(let address): address.description
        case .text(let text): text.text
        }
    }
}
