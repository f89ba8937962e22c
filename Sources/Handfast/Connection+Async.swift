extension Connection {
    /// Sends a message of which the library keeps a copy as long as it needs it, and suspends until it is out.
    ///
    /// It does not mean that the peer has received. Memory of the program's own is sent by `send`, and waited for by
    /// `Endpoint.wait`.
    /// - Parameters:
    ///   - bytes: the payload.
    ///   - header: at most 65,503 bytes.
    ///   - timeout: nil for no limit.
    /// - Throws: as `send`; `timeout`: then the message may still go out. A task that is cancelled cancels the message
    ///   where that is possible, with the error `cancelled`.
    public func send(
        bytes: [UInt8], header: [UInt8] = [], timeout: Duration? = nil, on actor: isolated (any Actor)? = #isolation
    ) async throws(HandfastError) {
        guard !isStale, let engine = slot.pointee.endpoint?.pointee.engine?.takeUnretainedValue() else {
            throw .staleConnection
        }
        let waits = try engine.madeTaskWaits()
        guard let open = try sendOwned(bytes, header) else { return }
        switch await waits.wait(for: open, timeout) {
        case let result?: _ = try result.get()
        // It went out between the end of the time and this.
        case nil where open.pointee.isComplete: _ = try open.takeEntry().result.get()
        case nil:
            // Nobody asks for the result any more; the copy lives as long as the request.
            open.pointee.isOwnedByEngine = true
            throw HandfastError(.timeout, "the message is not out after \(timeout ?? .zero)")
        }
    }

    /// - Returns: nil when all of it is out.
    private func sendOwned(_ bytes: [UInt8], _ header: [UInt8]) throws(HandfastError) -> UnsafeMutablePointer<
        RequestSlot
    >? {
        try checkSend(bytes.count, header.count)
        typealias NoSlot = UnsafeMutablePointer<ConnectionSlot>.NoSlot
        do throws(NoSlot) {
            return try bytes.withUnsafeBufferPointer { bytes throws(NoSlot) in
                try header.withUnsafeBufferPointer { header throws(NoSlot) in
                    try slot.sendCopy(UnsafeRawBufferPointer(header), UnsafeRawBufferPointer(bytes), isKept: true)
                }
            }
        } catch { throw .tooManyRequests }
    }
}
