import TransportAPI

/// From how many bytes on a payload stays with its sender until a receive is posted, and only its header travels.
///
/// The receiver then fetches what fits into its room: from the sender's memory where the transport can, else by
/// messages. As a text, as HANDFAST_RENDEZVOUS_BYTES has it: `64k` for any way, `read=16k,messages=1m` for two,
/// `tcp=1m` for one transport, `pscom=256k` for pscom peers; entries that are not there keep their default.
public struct RendezvousThresholds: Hashable, Sendable {
    /// A payload is always shorter, in bytes.
    public static let never = 1 << 40

    /// Where the receiver reads the sender's memory.
    public var read = 16 << 10
    /// Where it could read, but the transport's own channel is quicker while the sender makes progress.
    public var channel = 2 << 20
    /// Where it asks for the payload by messages.
    public var messages = 1 << 20
    /// With pscom peers, whose own default is never.
    public var pscom = never
    /// By the name of a transport, with all but pscom peers: in place of the first three.
    public var transports: [String: Int] = [:]

    public init() {}

    /// How the payload of a connection would travel.
    enum Way {
        case read
        case channel
        case messages
        case pscom
        /// The peer does not know how to ask.
        case none
    }

    /// In bytes; `Int.max` for never.
    func byteCount(over transport: String, _ way: Way) -> Int {
        let byteCount =
            switch way {
            case .read: transports[transport] ?? read
            case .channel: transports[transport] ?? channel
            case .messages: transports[transport] ?? messages
            case .pscom: pscom
            case .none: Self.never
            }
        return byteCount >= Self.never ? .max : max(1, byteCount)
    }

    private static let number = Setting.byteCount("bytes", default: 1, in: 1...never, help: "")

    /// Nil for what is no such text. Names of transports are not looked at.
    init?(parsing text: String) {
        guard !text.hasControlCharacters else { return nil }
        for entry in text.split(separator: ",", omittingEmptySubsequences: false) {
            let parts = entry.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(Self.trimmed)
            guard let last = parts.last, let byteCount = Self.number.parse(last) else { return nil }
            switch parts.count == 2 ? parts[0] : "" {
            case "" where parts.count == 2: return nil
            case "": (read, channel, messages) = (byteCount, byteCount, byteCount)
            case "read": read = byteCount
            case "channel": channel = byteCount
            case "messages": messages = byteCount
            case "pscom": pscom = byteCount
            case let name: transports[name] = byteCount
            }
        }
    }

    private static func trimmed(_ text: Substring) -> String {
        let text = text.drop { $0 == " " }
        return String(text.reversed().drop { $0 == " " }.reversed())
    }
}

extension String {
    fileprivate var hasControlCharacters: Bool { unicodeScalars.contains { $0.value < 32 || $0 == "\u{7f}" } }
}
