extension Connection {
    /// The longest message of `sendCopy`, header and payload together, in bytes.
    public static let maximumCopyByteCount = 65_536
    /// How much of messages of `sendCopy` is kept of one connection, in bytes, headers and payloads together.
    public static let copyQueueByteLimit = 1 << 20

    // Hot path.
    /// Sends one small message and is done with it: there is no request to keep, and the memory may be used again at
    /// once. Bytes are copied only when the transport does not take all of them now.
    ///
    /// Never waits. The message keeps its place among all others of the connection. Whether it got out is told by the
    /// connection alone: if that ends, `Connection.error` says why, and what was kept of it is dropped.
    /// - Parameters:
    ///   - payload: with the header at most 65,536 bytes.
    ///   - header: at most 65,503 bytes.
    /// - Throws: `resources` when 1 MiB of copies of this connection waits for the transport, or as many requests are
    ///   open as can be: nothing was sent, and progress makes room. `stale`, `invalidArgument`, or the error by which
    ///   the connection ended.
    public func sendCopy(
        _ payload: UnsafeRawBufferPointer, header: UnsafeRawBufferPointer = UnsafeRawBufferPointer(start: nil, count: 0)
    ) throws(HandfastError) {
        try checkSend(payload.count, header.count)
        let (byteCount, queued) = (payload.count + header.count, Int(slot.pointee.copiedByteCount))
        guard byteCount <= Self.maximumCopyByteCount, queued <= Self.copyQueueByteLimit - byteCount else {
            throw copyRefusal(byteCount)
        }
        do throws(UnsafeMutablePointer<ConnectionSlot>.NoSlot) {
            _ = try slot.sendCopy(header, payload, isKept: false)
        } catch { throw .tooManyRequests }
    }

    private func copyRefusal(_ byteCount: Int) -> HandfastError {
        if byteCount > Self.maximumCopyByteCount {
            return HandfastError(
                .invalidArgument,
                "a message of \(byteCount) bytes; at most \(Self.maximumCopyByteCount) are copied for one")
        }
        return HandfastError(
            .resources,
            "\(slot.pointee.copiedByteCount) bytes of copies wait for the transport; at most \(Self.copyQueueByteLimit) may"
        )
    }
}
