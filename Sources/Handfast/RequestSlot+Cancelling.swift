extension UnsafeMutablePointer<RequestSlot> {
    /// Takes a send out of its queue, unless a transport has some of it: then the peer counts on the rest, or on memory
    /// that was announced to it.
    func cancelSend() -> Bool {
        // Whatever is under way and of which no byte is out waits in the queue of its connection.
        guard !pointee.isReceive, pointee.role == .message, pointee.sentByteCount == 0,
            let connection = pointee.connection
        else { return false }
        connection.pointee.sendQueue.remove(self)
        if pointee.trailerByteCount > 0 { connection.conceal(UInt64(littleEndian: pointee.trailer.1)) }
        complete(.cancelled)
        // What waits behind it may be our goodbye, which needs no credit.
        connection.flush()
        if connection.pointee.dropsArrivals { connection.callForAttention() }
        return true
    }
}
