/// The raw half of a request: one send or receive under way, or one control message of the engine's own.
struct RequestSlot: TableSlot {
    enum Outcome: UInt8 {
        case underWay
        case succeeded
        /// The message was longer than the room offered.
        case truncated
        case cancelled
        /// The connection ended first; its record says why.
        case connectionEnded
        case readFailed
        /// The system error is what the peer answered.
        case refusedByTarget
    }

    /// What the engine does with a request beside sending it or receiving into it.
    enum Role: UInt8 {
        case message
        /// A receive whose payload is asked for by messages.
        case pull
        /// The engine's own: a part of the payload of the send in `owner`.
        case payloadAnswer
        /// The engine's own: a message that is not the user's.
        case control
        /// A one-sided operation.
        case operation
        /// Waits for the operations before it; the engine's own is a part of the flush in `owner`.
        case flush
        /// The engine's own: a part of the operation in `owner`.
        case operationPart
        /// The engine's own: an answer to a peer's operation, from the region in `owner` if there is one.
        case operationAnswer
        /// The engine's own: a put whose bytes are being read.
        case putRead
        /// The engine's own: the peer reads in the region in `owner`.
        case hold
    }

    static let kind = HandleKind.request

    var generation: UInt64 = 0
    var nextFree: UnsafeMutablePointer<RequestSlot>?
    var next: UnsafeMutablePointer<RequestSlot>?
    var previous: UnsafeMutablePointer<RequestSlot>?

    var outcome = Outcome.underWay
    /// Nobody will ask for the result: the slot is given back when the work is done.
    var isOwnedByEngine = false
    var role = Role.message
    /// What it is a part of; the role says what that is.
    var owner: UnsafeMutableRawPointer?
    /// Of a payload that goes piece by piece: those under way.
    var partCount = 0
    var endpoint: UnsafeMutablePointer<EndpointState>?
    /// Nil for a receive from any connection that has not matched yet.
    var connection: UnsafeMutablePointer<ConnectionSlot>?
    /// The connection's generation when it was set.
    var connectionGeneration: UInt64 = 0
    var systemError: Int32 = 0
    /// Retained: why the connection ended. The connection's own record may be gone when the result is taken.
    var reason: Unmanaged<EndReason>?

    /// The result goes to a queue or a callback, and no handle takes it.
    var isDirected = false
    var completionQueue: UnsafeMutablePointer<CompletionQueueSlot>?
    /// Retained; called from progress.
    var callback: Unmanaged<CompletionCallback>?
    /// The user's, for the queue's entry.
    var context: UInt64 = 0

    /// The user's memory, his until the request is complete.
    var userHeader: UnsafeMutableRawPointer?
    var userHeaderByteCount = 0
    var payload: UnsafeMutableRawPointer?
    var payloadByteCount = 0

    // A send: what goes out is `frame`, user header, trailer, payload; `sentByteCount` of it is out.
    var sentByteCount = 0
    /// The message's first bytes: its header, and for a rendezvous the header of the message that it stands for.
    var frame: (UInt64, UInt64) = (0, 0)
    var frameByteCount = 0
    /// Of a rendezvous: its number, the payload's address or handle, and size.
    var trailer: (UInt64, UInt64, UInt64) = (0, 0, 0)
    var trailerByteCount = 0
    /// Behind the trailer of a one-sided operation.
    var more: (UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0)
    var moreByteCount = 0
    /// The payload follows though there is a trailer.
    var carriesPayload = false

    /// What the slot owns until the request is complete: a copied message, or a list of pieces.
    var memory: UnsafeMutableRawPointer?
    /// Of an answer with a part of a scatter list's payload: where the part begins.
    var payloadOffset = 0
    /// The peer needs its payload no more, but is still to get answers.
    var isReleasedByPeer = false
    /// Counts against the connection's bound on copies.
    var copiedByteCount = 0
    /// Of a scatter list: so many pieces lie in `memory`, and `payload` is nil.
    var pieceCount = 0

    // A receive.
    var isReceive = false
    /// Waits for a message in a queue of receives.
    var isQueued = false
    /// Orders receives from one connection among those from any.
    var sequence: UInt64 = 0
    /// The bits of a message's tag that must be those of `tag`; none for a receive that does not ask for a tag.
    var tagMask: UInt64 = 0
    /// Without the bits that do not count. Of a send whose header is a tag alone: the header.
    var tag: UInt64 = 0
    /// What else the message must pass.
    var match: MatchFunction?
    var matchContext: UnsafeMutableRawPointer?
    /// The context is an object that the slot keeps alive.
    var ownsMatchContext = false
    /// Sizes of the message as it was sent; the user's room may be smaller.
    var arrivedHeaderByteCount = 0
    var arrivedPayloadByteCount = 0
    /// Where its payload can be read while it is asked for by messages; nil where it cannot.
    var readAddress: UInt64?
    /// An answer to that has come.
    var isAnswered = false

    var isComplete: Bool { outcome != .underWay }
}

/// Decides whether a receive takes a message: context, the message's connection, its user header.
typealias MatchFunction =
    @convention(c) (
        UnsafeMutableRawPointer?, UnsafeMutableRawPointer, UInt64, UnsafeRawPointer?, Int
    ) -> Bool
