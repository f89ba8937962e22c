public import TransportAPI

/// One peer: a handle, free to copy, for use on its endpoint's thread.
///
/// It is good until the connection was closed by `close` and has ended; after that every use of it throws `stale`, or
/// says `closed`. A connection that ended by itself stays readable until it is closed.
public struct Connection: Hashable {
    /// How far the connection is.
    public enum State: Hashable, Sendable {
        /// Known by name and not connected: the first message of either side connects.
        case onDemand
        /// The handshake is under way; what is sent is queued.
        case connecting
        case connected
        /// One side has said goodbye; what was sent before still goes out.
        case closing
        /// Over; `error` tells why, if it was not this side's own `close`.
        case closed
    }

    let slot: UnsafeMutablePointer<ConnectionSlot>
    let generation: UInt64

    init(_ slot: UnsafeMutablePointer<ConnectionSlot>) {
        self.slot = slot
        generation = slot.pointee.generation
    }

    init(_ slot: UnsafeMutablePointer<ConnectionSlot>, generation: UInt64) {
        self.slot = slot
        self.generation = generation
    }

    var isStale: Bool { slot.pointee.generation != generation }
    var record: ConnectionRecord? { isStale ? nil : slot.record }

    public var state: State {
        guard !isStale else { return .closed }
        guard let record = slot.record else { return .onDemand }
        switch record.phase {
        case .resolving, .dialing, .connecting: return .connecting
        case .onDemand: return record.association?.isIdle == false ? .connecting : .onDemand
        case .connected: return record.hasQueuedEnd || slot.pointee.hasPeerEnded ? .closing : .connected
        case .ended: return .closed
        }
    }

    /// Who is at the other end, as far as it is known; nil for a stale handle, and on demand before the first use.
    public var peer: PeerDescription? { record?.peer }

    /// The name of the transport that carries it; nil before and after.
    public var transport: String? {
        guard let record, case .connected = record.phase else { return nil }
        return record.decisions.first { $0.outcome == .chosen }?.transport
    }

    /// What became of each transport, and why; complete when the state is no longer `connecting`.
    public var decisions: [ConnectionDecision] { record?.decisions ?? [] }

    /// What was done to connect, in the order in which it began; empty unless `Endpoint.keepsPhases` was set before, and
    /// at the side that was connected to.
    public var phases: [ConnectionPhase] { record?.phaseLog?.phases ?? [] }

    /// Why it ended; nil while it lives, and after this side's own orderly close.
    public var error: HandfastError? { record?.error }

    /// Sends one message: a user header, which the receiver matches by, and a payload.
    ///
    /// Never waits. Messages of one connection arrive in the order of the calls.
    /// - Parameters:
    ///   - payload: at most 2^40-1 bytes; must stay as it is until the request is complete.
    ///   - header: at most 65,503 bytes; must stay likewise.
    /// - Returns: a request whose result is to be taken; it is complete when both may be used again, perhaps not
    ///   before the peer has posted a receive; it does not mean that the peer has received.
    /// - Throws: `stale`, `invalidArgument`, `resources`, or the error by which the connection ended.
    public func send(
        _ payload: UnsafeRawBufferPointer, header: UnsafeRawBufferPointer = UnsafeRawBufferPointer(start: nil, count: 0)
    ) throws(HandfastError) -> Request {
        try checkSend(payload.count, header.count)
        let open: UnsafeMutablePointer<RequestSlot>?
        do throws(UnsafeMutablePointer<ConnectionSlot>.NoSlot) {
            open = try slot.send(header, payload)
        } catch { throw .tooManyRequests }
        guard let open else { return try completeAtOnce(byteCount: payload.count) }
        return Request(open)
    }

    // Hot path.
    func completeAtOnce(byteCount: Int) throws(HandfastError) -> Request {
        guard let endpoint = slot.pointee.endpoint else { throw .staleConnection }
        return Request(completeWith: byteCount, at: endpoint)
    }

    /// The longest user header, in bytes: a rendezvous needs the rest of 65,535.
    public static let maximumHeaderByteCount =
        MessageHeader.maximumUserHeaderByteCount - RendezvousRequest.fixedByteCount

    // Hot path.
    func checkSend(_ payloadByteCount: Int, _ headerByteCount: Int) throws(HandfastError) {
        guard !isStale, slot.pointee.takesSends, headerByteCount <= Self.maximumHeaderByteCount,
            payloadByteCount <= MessageHeader.maximumPayloadByteCount
        else { throw refusal(payloadByteCount, headerByteCount) }
    }

    private func refusal(_ payloadByteCount: Int, _ headerByteCount: Int) -> HandfastError {
        guard let record else { return .staleConnection }
        if headerByteCount > Self.maximumHeaderByteCount {
            return HandfastError(
                .invalidArgument,
                "a user header of \(headerByteCount) bytes; at most \(Self.maximumHeaderByteCount) are allowed")
        }
        if payloadByteCount > MessageHeader.maximumPayloadByteCount {
            return HandfastError(
                .invalidArgument,
                "a payload of \(payloadByteCount) bytes; at most \(MessageHeader.maximumPayloadByteCount) are allowed")
        }
        return record.endReason
    }

    /// Closes in order: what was sent goes out, then both sides say goodbye; receives on it end with `closed`, and
    /// messages that nobody has received are dropped. Does nothing the second time.
    public func close() {
        guard !isStale, let engine = slot.pointee.endpoint?.pointee.engine else { return }
        engine.takeUnretainedValue().close(slot)
    }
}

extension ConnectionRecord {
    /// Why nothing can be sent or received any more.
    var endReason: HandfastError {
        error
            ?? HandfastError(
                .closed, "\(peerText): the connection was closed\(isClosedByUser ? " here" : " by the peer")")
    }
}

extension HandfastError {
    static let staleConnection = HandfastError(.stale, "the connection was closed; its handle is no longer good")
    static let foreignConnection = HandfastError(.invalidArgument, "the connection is another endpoint's")
    static let staleMessage = HandfastError(
        .stale, "the message was received or dropped; its handle is no longer good")
    static let tooManyMessages = HandfastError(.resources, "\(Engine.requestLimit) messages are taken")
    static let tooManyRequests = HandfastError(.resources, "\(Engine.requestLimit) requests are open")
    static let staleRequest = HandfastError(.stale, "the request's result was taken; its handle is no longer good")
}
