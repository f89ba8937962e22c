extension Endpoint {
    // Hot path.
    /// Posts a receive for the next message with a tag, from one connection or any. Never waits, and allocates nothing.
    ///
    /// A message's tag is the first eight bytes of its user header as a little-endian number; a shorter header counts as
    /// if zeros followed. Receives match in the order in which they were posted, whatever they match by.
    /// - Parameters:
    ///   - payload: room for the payload, left alone by the caller until the request is complete. A longer message
    ///     completes the request with `truncated`.
    ///   - header: room for the user header, likewise; nil when it does not matter.
    ///   - connection: nil for any.
    ///   - tag: what the message's tag must be, in the bits of the mask.
    ///   - mask: the bits that count: all unless told; none takes any message.
    /// - Throws: `stale`, `resources`, or the error by which the connection ended.
    public func receive(
        into payload: UnsafeMutableRawBufferPointer, header: UnsafeMutableRawBufferPointer? = nil,
        from connection: Connection? = nil, tag: UInt64, mask: UInt64 = .max
    ) throws(HandfastError) -> Request {
        let request = try makeReceive(into: payload, header: header, from: connection)
        request.pointee.tag = tag & mask
        request.pointee.tagMask = mask
        return try post(request, from: connection)
    }
}

extension Connection {
    // Hot path.
    /// Sends one message whose user header is a tag alone: eight bytes, little endian. Otherwise as `send(_:header:)`.
    /// - Parameter payload: at most 2^40-1 bytes; must stay as it is until the request is complete.
    public func send(_ payload: UnsafeRawBufferPointer, tag: UInt64) throws(HandfastError) -> Request {
        var word = tag.littleEndian
        let request = try withUnsafeBytes(of: &word) { header throws(HandfastError) in
            try send(payload, header: header)
        }
        request.keepTag(word)
        return request
    }
}

extension Request {
    /// What is not out yet must outlive the call: the slot has a place for the tag, because a send has none to match.
    fileprivate func keepTag(_ word: UInt64) {
        guard let slot, slot.pointee.generation == generation else { return }
        slot.pointee.tag = word
        // The slot's memory stays where it is, so the pointer outlives the closure.
        slot.pointee.userHeader = withUnsafeMutablePointer(to: &slot.pointee.tag) { UnsafeMutableRawPointer($0) }
    }
}
