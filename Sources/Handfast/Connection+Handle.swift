// What the C interface asks of connections, where one is a number.

extension Connection {
    // Hot path.
    /// - Returns: the connection that a number names, stale or not, and the owner of the endpoint that has it; nil for
    ///   what was never the number of one in this process.
    package static func find(_ handle: UInt64) -> (connection: Connection, owner: UnsafeMutableRawPointer?)? {
        guard let (slot, owner) = Handle.find(handle, ConnectionSlot.self) else { return nil }
        return (Connection(slot, generation: handle), owner)
    }

    /// The number that names it to programs in C.
    package var handle: UInt64 { generation }

    // Hot path.
    /// As `send(_:header:)`.
    /// - Returns: the request's number.
    package func sendForHandle(
        _ payload: UnsafeRawBufferPointer, header: UnsafeRawBufferPointer
    ) throws(HandfastError) -> UInt64 {
        try checkSend(payload.count, header.count)
        let open: UnsafeMutablePointer<RequestSlot>?
        do throws(UnsafeMutablePointer<ConnectionSlot>.NoSlot) {
            open = try slot.send(header, payload)
        } catch { throw .tooManyRequests }
        return open?.pointee.generation ?? Request.handle(completeWith: payload.count)
    }

    // Hot path.
    /// As `send(_:tag:)`.
    package func sendForHandle(_ payload: UnsafeRawBufferPointer, tag: UInt64) throws(HandfastError) -> UInt64 {
        try send(payload, tag: tag).handle
    }

    // Hot path.
    /// A pointer of the program's, kept with the connection as long as the handle is good.
    package var context: UnsafeMutableRawPointer? {
        get { slot.pointee.context }
        nonmutating set { slot.pointee.context = newValue }
    }

    /// Whether nothing of it may be used any more.
    package var isGone: Bool { isStale }
}
