import TransportAPI

/// Where an endpoint listens, and who it is: `10.0.0.1:5000@rank0`, or `10.0.0.1:5000,[fd00::1]:5000@rank0` when it can be
/// reached in several places.
public struct EndpointAddress: Hashable, Sendable {
    /// One address and port of an endpoint.
    public struct Place: Hashable, Sendable {
        public let host: IPAddress
        /// 1 to 65535.
        public let port: UInt16

        /// - Throws: `invalidArgument` when the port is 0.
        public init(host: IPAddress, port: UInt16) throws(HandfastError) {
            guard port != 0 else {
                throw HandfastError(.invalidArgument, "port 0 is nobody's address; allowed is 1 to 65535")
            }
            self.host = host
            self.port = port
        }
    }

    private let first: Place
    /// 1 to 255 bytes without control characters; nil when anybody who answers there will do.
    public let name: String?
    /// Other places of the same endpoint, the preferred first; each differs from all others and from the first.
    public let alternatives: [Place]

    /// The most places of one endpoint, the first among them.
    public static let maximumPlaceCount = 16

    /// - Parameter alternatives: other places of the same endpoint; one that comes twice counts once.
    /// - Throws: `invalidArgument` when the port is 0, when the name is not 1 to 255 bytes or has control characters, or
    ///   when there are more than 16 places.
    public init(
        host: IPAddress, port: UInt16, name: String? = nil, alternatives: [Place] = []
    ) throws(HandfastError) {
        if let name, let fault = Self.fault(ofName: name) {
            throw HandfastError(.invalidArgument, "the name \(name.quoted) \(fault)")
        }
        first = try Place(host: host, port: port)
        self.name = name
        var known: [Place] = [first]
        for place in alternatives where !known.contains(place) {
            guard known.count < Self.maximumPlaceCount else {
                throw HandfastError(
                    .invalidArgument, "an endpoint has at most \(Self.maximumPlaceCount) addresses, and here are more")
            }
            known.append(place)
        }
        self.alternatives = Array(known.dropFirst())
    }

    /// The preferred place's address.
    public var host: IPAddress { first.host }
    /// The preferred place's port, 1 to 65535.
    public var port: UInt16 { first.port }
    /// All places, the preferred first: 1 to 16.
    public var places: [Place] { [first] + alternatives }

    /// The longest name, in bytes.
    static let maximumNameByteCount = 255

    /// What is wrong with a peer's name, as the rest of a sentence; nil when nothing is.
    static func fault(ofName name: String) -> String? {
        guard (1...maximumNameByteCount).contains(name.utf8.count) else {
            return "has \(name.utf8.count) bytes; allowed are 1 to \(maximumNameByteCount)"
        }
        return name.hasControlCharacter ? "has control characters" : nil
    }
}

extension EndpointAddress: CustomStringConvertible {
    /// The text that `init(parsing:)` reads.
    public var description: String {
        let text = Place.list(places)
        return name.map { "\(text)@\($0)" } ?? text
    }
}

extension EndpointAddress.Place: CustomStringConvertible {
    /// `10.0.0.1:5000` or `[fe80::1%eth0]:5000`.
    public var description: String { host.isIPv6 ? "[\(host)]:\(port)" : "\(host):\(port)" }

    static func list(_ places: [Self]) -> String { places.map(\.description).joined(separator: ",") }
}
