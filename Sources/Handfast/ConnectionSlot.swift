import CHandfast

/// The raw half of a connection: all that the data path touches.
struct ConnectionSlot: TableSlot {
    static let kind = HandleKind.connection

    var generation: UInt64 = 0
    /// In use it is the next of those that need the engine's slow part: tens of thousands of these wait for their first
    /// message, and none is free and in need.
    var nextFree: UnsafeMutablePointer<ConnectionSlot>?
    var nextInNeed: UnsafeMutablePointer<ConnectionSlot>? {
        get { nextFree }
        set { nextFree = newValue }
    }

    var endpoint: UnsafeMutablePointer<EndpointState>?
    /// Nil until the handshake is over and again after the end.
    var channel: UnsafeMutableRawPointer?
    var operations: UnsafePointer<hf_transport_operations>?
    /// Payloads of at least so many bytes may be fetched by the receiver; `Int.max` when it cannot.
    var rendezvousByteCount = Int.max
    /// Nil until a payload is asked for by messages.
    var pulls: UnsafeMutablePointer<Pulls>?
    /// `announcedByteCount` where the transport is asked, since `readPartByteCount` is `rendezvousByteCount` there;
    /// elsewhere `readPartByteCount`. One word for both: there are tens of thousands of these.
    private var secondByteCount = Int.max
    /// Nil until the first one-sided operation.
    var oneSided: UnsafeMutablePointer<OneSided>?

    var inbound = Inbound()
    /// What both sides may still send without a receive.
    var credit = Credit()
    /// Sends that the transport has not taken whole: one that has begun, then the engine's own, then the user's.
    var sendQueue = RequestQueue()
    /// The last of the engine's own in it.
    var lastControl: UnsafeMutablePointer<RequestSlot>?
    /// Sends whose payload the peer has not read yet.
    var awaitingFinish = RequestQueue()
    /// Receives whose payload is being read from the peer's memory.
    var reading = RequestQueue()
    /// Receives for this connection alone that have not matched.
    var posted = RequestQueue()
    /// Messages without a receive.
    var unexpected = MessageList()
    /// Messages that the program took and has not received.
    var taken = MessageList()
    /// Held by the messages of both.
    var unexpectedByteCount = 0
    /// What copies of messages hold of the send queue.
    var copiedByteCount: Int32 = 0

    // Small ones side by side.
    /// The peer does not read our memory: what waits for it has a handle in place of an address.
    var offersHandles = false
    /// Both sides know one-sided operations.
    var servesOneSided = false
    /// The user holds a handle and will close it.
    var isKnownToUser = false
    /// New sends are welcome: neither side has said goodbye and nothing broke.
    var takesSends = false
    /// The user has closed: what still comes is for nobody.
    var dropsArrivals = false
    var hasPeerEnded = false
    /// Credit for the peer is queued.
    var hasQueuedCredit = false
    /// Our goodbye is queued or out, and nothing follows it.
    var isLeaving = false
    var hasSentEnd = false
    /// The peer broke a rule of the data path; what else it sends is not looked at.
    var violation: Violation?
    /// The transport said that the channel has ended.
    var hasChannelEnded = false
    /// Linked in the endpoint's list of connections that need the engine's slow part.
    var needsAttention = false
    /// Place among the peers that are connected on demand; -1 for a direct connect.
    var peerIndex: Int32 = -1
    /// Counts deliveries, so that a vanished peer's last bytes are read before it is given up.
    var deliveryCount: UInt32 = 0

    /// Holds the `ConnectionRecord`: peer, decisions, error.
    var record: UnsafeMutableRawPointer?
    /// The program's own; nil until it is set.
    var context: UnsafeMutableRawPointer?

    /// From so many bytes on payloads are fetched in any case; below, down to `rendezvousByteCount`, the transport is asked.
    var announcedByteCount: Int { inbound.asksTransport ? secondByteCount : rendezvousByteCount }
    /// Parts of one-sided operations of at least so many bytes are read from memory; `Int.max` when the transport cannot.
    var readPartByteCount: Int { inbound.asksTransport ? rendezvousByteCount : secondByteCount }

    /// - Parameters:
    ///   - announced: from so many bytes on payloads are fetched.
    ///   - readPart: parts of one-sided operations are read.
    ///   - asksTransport: of payloads that are shorter than the first and not than the second.
    mutating func setByteCounts(announced: Int = .max, readPart: Int = .max, asksTransport: Bool = false) {
        // The user may have set one limit for both.
        inbound.asksTransport = asksTransport && readPart < announced
        (rendezvousByteCount, secondByteCount) = inbound.asksTransport ? (readPart, announced) : (announced, readPart)
    }

    /// What a peer may not send on the data path.
    enum Violation: UInt8 {
        case malformedRendezvous
        case unknownRendezvous
        case unfinishedRendezvous
        case malformedRead
        case unknownRead
        case tooManyReads
        case unexpectedAnswer
        case malformedOperation
        case partOutsideOperation
        case tooManyOperations
        case tooManyRequests
        case malformedCredit
        case tooLittleCredit
        case tooMuchCredit
    }
}

extension UnsafeMutablePointer<ConnectionSlot> {
    // Hot path.
    /// Has the slow part of the engine look at this connection with the next call.
    func callForAttention() {
        guard !pointee.needsAttention, let endpoint = pointee.endpoint else { return }
        pointee.needsAttention = true
        pointee.nextInNeed = endpoint.pointee.inNeed
        endpoint.pointee.inNeed = self
        endpoint.pointee.callsUntilSlowPart = 0
    }

    func violate(_ violation: ConnectionSlot.Violation) {
        pointee.violation = violation
        pointee.inbound.part = .ignored
        callForAttention()
    }
}
