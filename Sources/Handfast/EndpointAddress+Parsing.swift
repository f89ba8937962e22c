import TransportAPI

extension EndpointAddress {
    /// Reads `10.0.0.1:5000@rank0`, `[fe80::1%eth0]:5000@rank0`, `localhost:5000`, or up to 16 such places of one endpoint
    /// with commas between them, `10.0.0.1:5000,[fd00::1]:5000@rank0`; the name may be missing.
    ///
    /// Other host names are for `Endpoint.connect(to:)` with a text, which can wait for the answer of the resolver.
    /// - Throws: `invalidArgument` with the text (cut when long), the place in it and what is allowed.
    public init(parsing text: String) throws(HandfastError) {
        try self.init(try EndpointText(text))
    }

    /// - Throws: when it has a host name other than localhost.
    init(_ text: EndpointText) throws(HandfastError) {
        var places: [Place] = []
        for part in text.parts {
            switch part.host {
            case .address(let address): places.append(try Place(host: address, port: part.port))
            case .name("localhost"): places.append(try Place(host: .loopback, port: part.port))
            case .name(let name): throw text.error(at: part.index, "\(name.quoted) is no IPv4 address")
            }
        }
        try self.init(places, name: text.name)
    }

    /// - Throws: as that of its text does.
    func checkScopes() throws(HandfastError) {
        // Thousands of peers are named at the start, and nearly all by addresses that need no text.
        guard places.contains(where: { $0.host.isIPv6 && ($0.host.zone != nil || $0.host.isLinkLocal) }) else { return }
        try EndpointText(description).checkScopes()
    }

    /// - Precondition: there is a place.
    init(_ places: [Place], name: String?) throws(HandfastError) {
        try self.init(
            host: places[0].host, port: places[0].port, name: name, alternatives: Array(places.dropFirst()))
    }
}
