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
            let byteCount = request.nextPieceByteCount
            guard byteCount > 0 else {
                next = request.pointee.next
                continue
            }
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
            piece.byteCount == payloadByteCount || piece.request == nil && payloadByteCount == 0
        else { return violate(.unexpectedAnswer) }
        pulls.pointee.arriving = piece
        pointee.inbound.continuation = .pull
        guard let request = piece.request else {
            return expectPayload(at: nil, byteCount: 0, surplus: payloadByteCount)
        }
        if !request.pointee.isAnswered {
            // The sender is there.
            request.pointee.isAnswered = true
            askForPieces()
        }
        expectPayload(at: request.pointee.payload.map { $0 + piece.offset }, byteCount: payloadByteCount, surplus: 0)
    }

    func pieceArrived() {
        if let request = pointee.pulls?.pointee.arriving?.request {
            request.pointee.partCount -= 1
            if request.pointee.partCount == 0, request.unaskedByteCount == 0 { readEnded(request, 0) }
        }
        pointee.pulls?.pointee.arriving = nil
        askForPieces()
    }

    /// - Returns: how much of the payload is here.
    func stopPulling(_ request: UnsafeMutablePointer<RequestSlot>) -> Int {
        if pointee.pulls?.pointee.arriving?.request == request {
            // The rest of the piece is for nobody.
            pointee.inbound.surplus += pointee.inbound.remaining
            (pointee.inbound.remaining, pointee.inbound.target) = (0, nil)
        }
        return pointee.pulls?.pointee.forget(request) ?? request.pointee.sentByteCount
    }

    func dropPulls() {
        pointee.pulls.map(Pulls.destroy)
        pointee.pulls = nil
    }
}

extension UnsafeMutablePointer<RequestSlot> {
    /// Of a receive that fetches its payload by messages.
    fileprivate var unaskedByteCount: Int { Int(pointee.trailer.2) - pointee.sentByteCount }

    /// Nothing for now, perhaps.
    fileprivate var nextPieceByteCount: Int {
        guard pointee.role == .pull else { return 0 }
        if pointee.readAddress == nil || pointee.isAnswered { return Swift.min(unaskedByteCount, Pulls.pieceByteCount) }
        return pointee.partCount > 0 ? 0 : Swift.min(unaskedByteCount, Pulls.firstPieceByteCount)
    }
}
