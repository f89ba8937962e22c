public import TransportAPI

/// The names and numbers that a transport from outside must leave alone.
public struct Neighbours: Sendable {
    private(set) var names: Set<String> = []
    /// Whose a wire number is.
    private(set) var owners: [UInt32: String] = [:]
    private(set) var settings: Set<String> = []

    /// - Parameter settings: all that there are beside those of the transports.
    public init(_ transports: [TransportDefinition], settings: [SettingRow]) {
        self.settings = Set(settings.map(\.name))
        for transport in transports { add(transport) }
    }

    mutating func add(_ transport: TransportDefinition) {
        names.insert(transport.name)
        // One that cannot be used has no number.
        if transport.number != 0 { owners[transport.number] = transport.name }
        settings.formUnion(transport.settings.map(\.name))
    }
}
