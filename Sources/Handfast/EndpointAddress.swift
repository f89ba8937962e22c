import TransportAPI

/// Where an endpoint listens, and who it is: `10.0.0.1:5000@rank0`.
public struct EndpointAddress: Hashable, Sendable {
    public let host: IPAddress
    /// 1 to 65535.
    public let port: UInt16
    /// 1 to 255 bytes without control characters; nil when anybody who answers there will do.
    public let name: String?

    /// - Throws: `invalidArgument` when the port is 0, or when the name is not 1 to 255 bytes or has control characters.
    public init(host: IPAddress, port: UInt16, name: String? = nil) throws(HandfastError) {
        guard port != 0 else {
            throw HandfastError(.invalidArgument, "port 0 is nobody's address; allowed is 1 to 65535")
        }
        if let name, let fault = Self.fault(ofName: name) {
            throw HandfastError(.invalidArgument, "the name \(name.quoted) \(fault)")
        }
        self.host = host
        self.port = port
        self.name = name
    }

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
        let place = host.isIPv6 ? "[\(host)]:\(port)" : "\(host):\(port)"
        return name.map { "\(place)@\($0)" } ?? place
    }
}
