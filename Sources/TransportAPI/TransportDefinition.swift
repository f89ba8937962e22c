/// A transport as the engine learns of it: what it is called, and how one is made for an endpoint.
public struct TransportDefinition: Sendable {
    /// The word by which settings and reports know it: "shm".
    public let name: String
    /// Its number on the wire; 0x4801 and above are free to use, 103 is TCP.
    public let number: UInt32
    /// What it is, in one line, for reports.
    public let summary: String
    /// Its own environment variables; by custom they begin with `HANDFAST_` and its name.
    public let settings: [SettingRow]
    /// Makes the transport of one endpoint, from values that were checked against `settings` too.
    /// - Throws: when this host cannot have it at all.
    public let make: @Sendable (SettingValues) throws(TransportRefusal) -> any Transport

    public init(
        name: String, number: UInt32, summary: String, settings: [SettingRow] = [],
        make: @escaping @Sendable (SettingValues) throws(TransportRefusal) -> any Transport
    ) {
        self.name = name
        self.number = number
        self.summary = summary
        self.settings = settings
        self.make = make
    }
}
