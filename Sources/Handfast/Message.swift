/// A message that was taken and not received yet: a handle, free to copy, for use on its endpoint's thread.
///
/// No receive and no probe finds it any more. It is good until it is received or dropped; each of these ends it, and
/// later uses of any copy throw `stale`. Until then it counts against HANDFAST_UNEXPECTED_BYTES. One of a pscom peer that
/// waits in the stream for lack of room holds back all that its connection sends after it, as it did before it was taken.
///
/// When its connection ends, or is closed on this side, a message that is whole stays good; of others the rest will not
/// come, and to receive them throws the error by which the connection ended.
public struct Message: Hashable {
    let slot: UnsafeMutablePointer<MessageSlot>
    let generation: UInt64

    init(_ slot: UnsafeMutablePointer<MessageSlot>, generation: UInt64) {
        self.slot = slot
        self.generation = generation
    }

    init(_ slot: UnsafeMutablePointer<MessageSlot>) {
        self.slot = slot
        generation = slot.pointee.generation
    }

    var isStale: Bool { slot.pointee.generation != generation }

    /// What is known of it, and a copy of its user header.
    /// - Parameter header: gets what fits of the user header.
    /// - Throws: `stale`, or the error by which the connection ended before all had come.
    public func info(header: UnsafeMutableRawBufferPointer? = nil) throws(HandfastError) -> MessageInfo {
        let (message, connection) = try content()
        return message.info(header: header, from: connection)
    }

    /// Receives it. Never waits; the request completes at once if the message is whole.
    /// - Parameters:
    ///   - payload: room for the payload, left alone by the caller until the request is complete. A longer message
    ///     completes the request with `truncated`.
    ///   - header: room for the user header, likewise; nil when it does not matter.
    /// - Throws: `stale`; `resources`, and the message stays good; or the error by which the connection ended before all
    ///   had come, and the handle is stale from then on.
    public func receive(
        into payload: UnsafeMutableRawBufferPointer, header: UnsafeMutableRawBufferPointer? = nil
    ) throws(HandfastError) -> Request {
        do throws(HandfastError) { _ = try content() } catch {
            if !isStale { slot.giveBack() }
            throw error
        }
        guard let request = slot.pointee.endpoint?.takeRequest() else { throw .tooManyRequests }
        request.expect(payload: payload, header: header)
        slot.hand(to: request)
        return Request(request)
    }

    /// Shows the message where it lies, without a copy.
    /// - Parameter body: gets the user header, and the payload if the message is whole: nil while it is still coming,
    ///   waits for room, or lies in the peer's memory. The bytes are good until `body` returns, and only as long as it
    ///   does not receive or drop this message, nor drive the endpoint.
    /// - Throws: `stale`, the error by which the connection ended before all had come, or what `body` throws.
    public func withBytes<Value>(
        _ body: (_ header: UnsafeRawBufferPointer, _ payload: UnsafeRawBufferPointer?) throws(HandfastError) -> Value
    ) throws(HandfastError) -> Value {
        let (message, _) = try content()
        let payload = UnsafeRawBufferPointer(start: message.payload, count: message.pointee.payloadByteCount)
        return try body(message.userHeaderBytes, message.pointee.isWhole ? payload : nil)
    }

    /// Gives the message up: its sender gets its memory back as if it had been received. Does nothing the second time.
    public func drop() { if !isStale { slot.drop() } }

    private func content() throws(HandfastError) -> (UnsafeMutablePointer<UnexpectedMessage>, Connection) {
        guard !isStale, let connection = slot.pointee.connection else { throw .staleMessage }
        if let reason = slot.pointee.reason { throw reason.takeUnretainedValue().error }
        guard let message = slot.pointee.message else { throw .staleMessage }
        return (message, Connection(connection, generation: slot.pointee.connectionGeneration))
    }
}

extension UnsafeMutablePointer<RequestSlot> {
    // Hot path.
    /// Makes it a receive with this room.
    @inline(__always)
    func expect(payload: UnsafeMutableRawBufferPointer, header: UnsafeMutableRawBufferPointer?) {
        pointee.isReceive = true
        pointee.payload = payload.baseAddress
        pointee.payloadByteCount = payload.count
        pointee.userHeader = header?.baseAddress
        pointee.userHeaderByteCount = header?.count ?? 0
    }
}
