import CHandfast

// The receiver's half of a rendezvous by messages: it asks for the payload piece by piece.

extension UnsafeMutablePointer<ConnectionSlot> {
    /// Begins to fetch a payload over the stream; `readEnded` follows.
    func pull(into request: UnsafeMutablePointer<RequestSlot>, from address: UInt64, byteCount: Int) {
        request.pointee.role = .pull
        request.pointee.trailer.1 = address
        request.pointee.trailer.2 = UInt64(byteCount)
        askForPieces()
    }

    /// Asks as far as the bound allows, for the oldest receives first.
    private func askForPieces() {
        let pulls = pointee.pulls ?? Pulls.make()
        pointee.pulls = pulls
        var next = pointee.reading.first
        while let request = next, pulls.pointee.count < Pulls.pieceLimit {
            let rest = request.pointee.role == .pull ? request.unaskedByteCount : 0
            guard rest > 0 else {
                next = request.pointee.next
                continue
            }
            let byteCount = Swift.min(rest, Pulls.pieceByteCount)
            let piece = pulls.pointee.add(request, offset: request.pointee.sentByteCount, byteCount: byteCount)
            request.pointee.sentByteCount += byteCount
            request.pointee.partCount += 1
            sendControl(
                .readRequest,
                (piece.number, request.pointee.trailer.1 &+ UInt64(piece.offset), UInt64(byteCount)))
            guard pointee.violation == nil else { return }
        }
    }

    /// The peer answers: what follows is one piece, and it must be one that was asked for.
    func readAnswered(_ bytes: UnsafeRawBufferPointer, _ payloadByteCount: Int) {
        guard bytes.count == MemoryLayout<UInt64>.size, let pulls = pointee.pulls,
            let piece = pulls.pointee.take(UInt64(littleEndian: bytes.loadUnaligned(as: UInt64.self))),
            piece.byteCount == payloadByteCount
        else { return violate(.unexpectedAnswer) }
        pulls.pointee.arriving = piece
        pointee.inbound.continuation = .pull
        expectPayload(
            at: piece.request.pointee.payload.map { $0 + piece.offset }, byteCount: payloadByteCount, surplus: 0)
    }

    func pieceArrived() {
        guard let piece = pointee.pulls?.pointee.arriving else { return }
        pointee.pulls?.pointee.arriving = nil
        piece.request.pointee.partCount -= 1
        if piece.request.pointee.partCount == 0, piece.request.unaskedByteCount == 0 { readEnded(piece.request, 0) }
        askForPieces()
    }

    func dropPulls() {
        pointee.pulls.map(Pulls.destroy)
        pointee.pulls = nil
    }
}

extension UnsafeMutablePointer<RequestSlot> {
    /// Of a receive that fetches its payload by messages.
    fileprivate var unaskedByteCount: Int { Int(pointee.trailer.2) - pointee.sentByteCount }
}
