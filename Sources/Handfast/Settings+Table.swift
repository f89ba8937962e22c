public import TransportAPI

/// The settings of the core.
extension Settings {
    static let transports = Setting.text(
        "HANDFAST_TRANSPORTS",
        help: "Which transports may be used and in which order, `shm,tcp`, or which may not, `^tcp`;"
            + " empty means all in their own order.")
    static let select = Setting.text(
        "HANDFAST_SELECT",
        help: "Rules for single peers, the first that matches holds: `local=shm,tcp; 10.0.0.0/8=tcp; rank7=^shm`;"
            + " empty means none.")
    static let handshakeTimeout = Setting.milliseconds(
        "HANDFAST_HANDSHAKE_TIMEOUT_MS", default: 3000, in: 1...3_600_000,
        help: "Milliseconds that a handshake may take.")
    static let slowHandshake = Setting.milliseconds(
        "HANDFAST_SLOW_HANDSHAKE_MS", default: 1000, in: 1...3_600_000,
        help: "Milliseconds after which a handshake under way is worth a line in the log.")
    static let connectTimeout = Setting.milliseconds(
        "HANDFAST_CONNECT_TIMEOUT_MS", default: 3000, in: 1...3_600_000,
        help: "Milliseconds that a TCP connection may take to be made.")
    static let connectAttempts = Setting.integer(
        "HANDFAST_CONNECT_ATTEMPTS", default: 5, in: 1...1_000, unit: "a number of attempts",
        help:
            "How often all addresses of a peer are tried before a connect fails; refusals for want of room do not count."
    )
    static let connectInterval = Setting.milliseconds(
        "HANDFAST_CONNECT_INTERVAL_MS", default: 50, in: 0...3_600_000,
        help: "Milliseconds between the first attempt and the second; each later wait is twice as long, at most 2 s.")
    static let connectOffset = Setting.milliseconds(
        "HANDFAST_CONNECT_OFFSET_MS", default: 200, in: 1...3_600_000,
        help: "Milliseconds after which a peer's next address is tried beside one that does not answer.")
    static let connectDeadline = Setting.milliseconds(
        "HANDFAST_CONNECT_DEADLINE_MS", default: 10_000, in: 1...3_600_000,
        help: "Milliseconds for a whole connect: host names, all attempts and the handshake together.")
    static let resolveTimeout = Setting.milliseconds(
        "HANDFAST_RESOLVE_TIMEOUT_MS", default: 5000, in: 1...3_600_000,
        help: "Milliseconds that it may take to resolve the host names of an address.")
    static let network = Setting.text(
        "HANDFAST_NETWORK",
        help: "Which own addresses peers are told and theirs are ranked by: interfaces and networks,"
            + " `eth0,ib*,10.0.0.0/8`, or which are not, `^docker*`; empty means all.")
    static let closeTimeout = Setting.milliseconds(
        "HANDFAST_CLOSE_TIMEOUT_MS", default: 3000, in: 1...3_600_000,
        help: "Milliseconds to wait until the peer closes too.")
    static let unexpectedBytes = Setting.byteCount(
        "HANDFAST_UNEXPECTED_BYTES", default: 64 << 20, in: (4 << 10)...(1 << 40),
        help: "The most bytes of messages that are kept before a receive asks for them.")
    static let spin = Setting.microseconds(
        "HANDFAST_SPIN_US", default: 50, in: 0...1_000_000,
        help:
            "Microseconds that a wait spins before it sleeps; at most 1 ms more while a peer may be reading a payload.")
    static let pendingHandshakes = Setting.integer(
        "HANDFAST_PENDING_HANDSHAKES", default: 128, in: 1...65_536, unit: "a number of handshakes",
        help: "The most handshakes of an endpoint that are under way at once.")
    static let raiseDescriptors = Setting.boolean(
        "HANDFAST_RAISE_DESCRIPTORS", default: true,
        help: "Whether the first endpoint raises the process's soft limit of open descriptors to its hard one"
            + " (`ulimit -n`); children inherit it.")
    /// A payload is shorter than 1024g, so that this value means never.
    static let rendezvousBytes = Setting(
        "HANDFAST_RENDEZVOUS_BYTES", defaultText: "read=16k,channel=2m,messages=1m,pscom=1024g",
        allowed: "numbers of bytes from 1 to 1024g, with k, m or g for 1024, 1024² or 1024³,"
            + " as in `64k` or `read=16k,messages=512k,tcp=2m,pscom=1024g`",
        help:
            "Payloads of at least so many bytes stay with the sender until the receiver fetches them: by `read` from its"
            + " memory where the transport can, by `channel` where its own channel is quicker as a rule, as with shared"
            + " memory, else by `messages`. Between `read` and `channel` each connection finds out what is quicker. A name"
            + " of a transport counts more than the way, and pscom peers only by their own entry. 1024g means never.",
        parse: RendezvousThresholds.init(parsing:))
    static let name = Setting.text(
        "HANDFAST_NAME", maximumByteCount: EndpointAddress.maximumNameByteCount,
        help: "The name of the endpoint; empty means `p` and the number of the process.")
    /// Read by who makes the list of transports, before there are settings of all of them.
    static let pluginPath = Setting<[String]>(
        "HANDFAST_PLUGIN_PATH", defaultText: "",
        allowed: "absolute paths of folders with colons between them",
        help: "Folders whose files `*.so` are opened as transports from outside, `/opt/a:/opt/b`; empty means none."
    ) { text in
        let folders = text.split(separator: ":").map(String.init)
        return folders.allSatisfy { $0.hasPrefix("/") } && !text.hasControlCharacter ? folders : nil
    }

    /// All settings, those of the core first, then those of each transport in the order of the definitions.
    public static func rows(transports: [TransportDefinition]) -> [SettingRow] {
        [
            Self.transports.row, select.row, handshakeTimeout.row, slowHandshake.row, connectTimeout.row,
            connectAttempts.row,
            connectInterval.row, connectOffset.row, connectDeadline.row, resolveTimeout.row, network.row,
            closeTimeout.row,
            unexpectedBytes.row, spin.row, pendingHandshakes.row, raiseDescriptors.row, rendezvousBytes.row, name.row,
            pluginPath.row,
        ] + transports.flatMap(\.settings)
    }

    /// The table for a README: name, default, what is allowed and what it is for, in the order of the rows.
    public static func markdownTable(of rows: [SettingRow]) -> String {
        let lines = rows.map { row in
            let defaultText = row.defaultText.isEmpty ? "empty" : "`\(row.defaultText)`"
            return "| `\(row.name)` | \(escaped(defaultText)) | \(escaped(row.allowed)) | \(escaped(row.help)) |\n"
        }
        return "| variable | default | allowed | what |\n|---|---|---|---|\n" + lines.joined()
    }

    /// A bar would end the cell.
    private static func escaped(_ text: String) -> String {
        text.split(separator: "|", omittingEmptySubsequences: false).joined(separator: "\\|")
    }
}
