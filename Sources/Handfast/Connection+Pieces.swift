extension Connection {
    /// The most pieces of one scatter list.
    public static let maximumPieceCount = 16

    // Hot path.
    /// Sends one message whose payload lies in several places; it is received as one run of bytes.
    ///
    /// Never waits. Travels in the stream, whatever its size, as long as the peer has room: a large payload that lies in
    /// one place is faster as such, because the peer may read it directly.
    /// - Parameters:
    ///   - pieces: at most 16, empty ones allowed, together at most 2^40-1 bytes. The bytes must stay as they are until
    ///     the request is complete; the list is needed for the call only.
    ///   - header: at most 65,503 bytes; must stay likewise.
    /// - Returns: as the `send` of one payload.
    /// - Throws: as the `send` of one payload; `invalidArgument` for more pieces than 16.
    public func send(
        pieces: UnsafeBufferPointer<UnsafeRawBufferPointer>,
        header: UnsafeRawBufferPointer = UnsafeRawBufferPointer(start: nil, count: 0)
    ) throws(HandfastError) -> Request {
        guard pieces.count <= Self.maximumPieceCount else {
            throw HandfastError(
                .invalidArgument, "\(pieces.count) pieces; at most \(Self.maximumPieceCount) are allowed")
        }
        var byteCount = 0
        for index in pieces.indices {
            let (sum, isTooLarge) = byteCount.addingReportingOverflow(pieces[index].count)
            byteCount = isTooLarge ? .max : sum
        }
        try checkSend(byteCount, header.count)
        let open: UnsafeMutablePointer<RequestSlot>?
        do throws(UnsafeMutablePointer<ConnectionSlot>.NoSlot) {
            open = try slot.send(header, pieces: pieces, payloadByteCount: byteCount)
        } catch { throw .tooManyRequests }
        guard let open else { return try completeAtOnce(byteCount: byteCount) }
        return Request(open)
    }

    /// The same for a list that is an array.
    public func send(
        pieces: [UnsafeRawBufferPointer], header: UnsafeRawBufferPointer = UnsafeRawBufferPointer(start: nil, count: 0)
    ) throws(HandfastError) -> Request {
        try pieces.withUnsafeBufferPointer { list throws(HandfastError) in try send(pieces: list, header: header) }
    }
}
