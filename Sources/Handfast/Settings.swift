import Precon
public import TransportAPI

/// All settings of an endpoint: the environment, read once and checked.
public struct Settings: Sendable {
    /// How long a handshake may take from the accepted or made connection on.
    public let handshakeTimeout: Duration
    /// After what time a handshake under way is worth a line in the log.
    public let slowHandshake: Duration
    /// How long a TCP connection may take to be made.
    public let connectTimeout: Duration
    /// How often a connect is attempted, and how long is waited in between.
    let retryPolicy: RetryPolicy
    /// How long it may take to resolve the host names of an address.
    public let resolveTimeout: Duration
    /// Which own addresses are used; nil for all.
    let network: NetworkSelection?
    /// How long a connection waits for its peer to close too.
    public let closeTimeout: Duration
    /// The most bytes of messages that are kept before a receive asks for them.
    public let unexpectedByteLimit: Int
    /// How long a wait spins before it sleeps.
    public let spinDuration: Duration
    /// The most handshakes of an endpoint that are under way at once.
    public let pendingHandshakeLimit: Int
    /// Whether the process's soft limit of open descriptors is raised to its hard one.
    public let raisesDescriptorLimit: Bool
    /// From how many bytes on a payload is fetched by its receiver.
    public let rendezvous: RendezvousThresholds
    /// 1 to 255 bytes; nil when the endpoint names itself.
    public let name: String?
    /// What the environment says on transports.
    public let selection: TransportSelection
    /// What transports read their own settings from.
    public let values: SettingValues
    /// All settings, those of the core first, then those of each transport in the order of the definitions.
    public let rows: [SettingRow]

    private let transportNames: [String]

    /// - Parameters:
    ///   - environment: as `processEnvironment()` gives it.
    ///   - transports: all there are, in the order in which they are tried.
    /// - Throws: `invalidArgument` with variable, value and what is allowed; also for a `HANDFAST_` name that is no
    ///   setting of the core or of these transports.
    public init(environment: [String: String], transports: [TransportDefinition]) throws(HandfastError) {
        rows = Self.rows(transports: transports)
        do throws(SettingError) {
            values = try SettingValues(environment: environment, checkedAgainst: rows)
        } catch {
            throw HandfastError(.invalidArgument, error.message)
        }
        transportNames = transports.map(\.name)
        handshakeTimeout = values[Self.handshakeTimeout]
        slowHandshake = values[Self.slowHandshake]
        connectTimeout = values[Self.connectTimeout]
        retryPolicy = RetryPolicy(
            attempts: values[Self.connectAttempts], interval: values[Self.connectInterval], growth: 2,
            maximumInterval: .seconds(2), jitter: 0.3, deadline: values[Self.connectDeadline],
            raceOffset: values[Self.connectOffset])
        resolveTimeout = values[Self.resolveTimeout]
        let network = SelectionText(.variable(Self.network.name), values[Self.network])
        self.network = network.isBlank ? nil : try NetworkSelection(network)
        closeTimeout = values[Self.closeTimeout]
        unexpectedByteLimit = values[Self.unexpectedBytes]
        spinDuration = values[Self.spin]
        pendingHandshakeLimit = values[Self.pendingHandshakes]
        raisesDescriptorLimit = values[Self.raiseDescriptors]
        rendezvous = values[Self.rendezvousBytes]
        name = values[Self.name].isEmpty ? nil : values[Self.name]
        selection = try Self.makeSelection(transports: nil, select: nil, values: values, known: transportNames)
        let unknown = rendezvous.transports.keys.sorted().first { name in !transports.contains { $0.name == name } }
        if let unknown {
            let (name, value) = (Self.rendezvousBytes.name, environment[Self.rendezvousBytes.name] ?? "")
            throw HandfastError(
                .invalidArgument,
                "\(name)=\(value.quoted): there is no transport \(unknown.quoted); read, channel, messages, pscom and "
                    + "\(transportNames.joined(separator: ", ")) are allowed")
        }
    }

    /// The selection when a program has its own texts: one that is not nil replaces the environment's, even if blank.
    /// - Throws: `invalidArgument` with argument, text, place and what is allowed there.
    public func selection(transports: String?, select: String?) throws(HandfastError) -> TransportSelection {
        try Self.makeSelection(transports: transports, select: select, values: values, known: transportNames)
    }

    private static func makeSelection(
        transports: String?, select: String?, values: SettingValues, known: [String]
    ) throws(HandfastError) -> TransportSelection {
        try TransportSelection(
            transports: transports.map { SelectionText(.argument("transports"), $0) }
                ?? SelectionText(.variable(Self.transports.name), values[Self.transports]),
            select: select.map { SelectionText(.argument("select"), $0) }
                ?? SelectionText(.variable(Self.select.name), values[Self.select]),
            known: known)
    }
}
