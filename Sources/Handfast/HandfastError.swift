/// What went wrong, for a program (`code`), for the system's own tools (`systemError`) and for a person (`message`).
public struct HandfastError: Error, Hashable, Sendable {
    /// Kinds of failure; later versions add some, so a reader must expect others.
    public struct Code: Hashable, Sendable, CustomStringConvertible {
        public let description: String
        init(_ description: String) { self.description = description }

        /// A setting, an address or an argument that makes no sense; nothing was done.
        public static let invalidArgument = Code("invalid argument")
        /// The handle's connection, request or endpoint is gone.
        public static let stale = Code("stale handle")
        /// The deadline passed first.
        public static let timeout = Code("timeout")
        /// Nobody answers there, or the way is barred.
        public static let unreachable = Code("unreachable")
        /// The peer, or this side, said no.
        public static let rejected = Code("rejected")
        /// No transport works between the two; the message lists each with its reason.
        public static let noTransport = Code("no transport")
        /// The peer closed in order.
        public static let closed = Code("closed")
        /// The peer vanished without a word.
        public static let peerLost = Code("peer lost")
        /// Another process of the peer's name has come in its place; a new connection leads to that one.
        public static let peerRestarted = Code("peer restarted")
        /// The message was longer than the room that the receive offered; what fitted was kept.
        public static let truncated = Code("truncated")
        /// The request was cancelled by its owner.
        public static let cancelled = Code("cancelled")
        /// Memory, descriptors or another bound of this process.
        public static let resources = Code("resources")
        /// The peer does not know how.
        public static let unsupported = Code("unsupported")
        /// The system refused a call.
        public static let system = Code("system")
    }

    public var code: Code
    /// An errno, or 0.
    public var systemError: Int32
    /// Of a send that failed: no byte of the message has left this process, so the peer cannot have it. A send that
    /// failed otherwise may have arrived or not. False for everything else.
    public var isUnsent = false
    /// One sentence that names the peer or the variable, the value, and what is allowed or can be done.
    public var message: String
    /// Of `truncated`: both lengths, and where the message came from.
    public internal(set) var truncation: Truncation?

    public init(_ code: Code, _ message: String, systemError: Int32 = 0) {
        self.code = code
        self.systemError = systemError
        self.message = message
    }
}

extension HandfastError: CustomStringConvertible {
    public var description: String { message }
}
