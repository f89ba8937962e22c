import CHandfast
import Glibc

// Messages whose payload is not one run of memory of the user's: scatter lists and copies. They travel in the stream as
// long as there is credit for it.

extension UnsafeMutablePointer<ConnectionSlot> {
    // Hot path.
    /// Sends a message whose payload lies in several places; the list itself is not needed afterwards.
    /// - Parameter pieces: at most `Connection.maximumPieceCount`.
    func send(
        _ userHeader: UnsafeRawBufferPointer, pieces: UnsafeBufferPointer<UnsafeRawBufferPointer>,
        payloadByteCount: Int
    ) throws(NoSlot) -> UnsafeMutablePointer<RequestSlot>? {
        let taken = sendNow(userHeader, payloadByteCount: payloadByteCount) { list in
            var count = 0
            for piece in pieces where !piece.isEmpty {
                list[count] = hf_piece(bytes: piece.baseAddress, byte_count: UInt64(piece.count))
                count += 1
            }
            return count
        }
        guard let taken else { return nil }
        let none = UnsafeRawBufferPointer(start: nil, count: 0)
        return try queue(userHeader, none, after: taken) { request in
            let list = UnsafeMutablePointer<hf_piece>.allocate(capacity: Swift.max(1, pieces.count))
            for index in pieces.indices {
                let piece = hf_piece(bytes: pieces[index].baseAddress, byte_count: UInt64(pieces[index].count))
                (list + index).initialize(to: piece)
            }
            request.pointee.memory = UnsafeMutableRawPointer(list)
            request.pointee.pieceCount = pieces.count
            request.pointee.payloadByteCount = payloadByteCount
        }
    }

    // Hot path.
    /// Sends a message, and keeps a copy of it if the transport does not take it whole.
    /// - Parameter isKept: somebody waits for the request; else it is given back when it is complete.
    /// - Returns: nil when all of it went out.
    func sendCopy(
        _ userHeader: UnsafeRawBufferPointer, _ payload: UnsafeRawBufferPointer, isKept: Bool
    ) throws(NoSlot) -> UnsafeMutablePointer<RequestSlot>? {
        guard let taken = sendNow(userHeader, payload) else { return nil }
        return try queue(userHeader, payload, after: taken) { request in
            let byteCount = userHeader.count + payload.count
            let copy = UnsafeMutableRawPointer.allocate(byteCount: Swift.max(1, byteCount), alignment: 8)
            if let start = userHeader.baseAddress { memcpy(copy, start, userHeader.count) }
            if let start = payload.baseAddress { memcpy(copy + userHeader.count, start, payload.count) }
            request.pointee.userHeader = copy
            request.pointee.payload = copy + userHeader.count
            request.pointee.memory = copy
            // Who waits for it holds as much himself.
            guard !isKept else { return }
            request.pointee.isOwnedByEngine = true
            request.pointee.copiedByteCount = byteCount
            pointee.copiedByteCount += Int32(byteCount)
        }
    }

    /// Puts what is left of a message in the queue.
    /// - Parameter prepare: makes the request what it is besides header and payload.
    @inline(never)
    func queue(
        _ userHeader: UnsafeRawBufferPointer, _ payload: UnsafeRawBufferPointer, after taken: Int,
        _ prepare: (UnsafeMutablePointer<RequestSlot>) -> Void = { _ in }
    ) throws(NoSlot) -> UnsafeMutablePointer<RequestSlot> {
        let request: UnsafeMutablePointer<RequestSlot>
        do throws(NoSlot) {
            request = try makeSend(userHeader, payload)
        } catch {
            // Half a message is out and its rest cannot be kept: the stream cannot go on.
            if taken > 0 { violate(.tooManyRequests) }
            throw error
        }
        prepare(request)
        if taken > 0 {
            request.makeFrame()
            request.pointee.sentByteCount = taken
        }
        pointee.sendQueue.append(request)
        if pointee.channel == nil { callForAttention() } else if taken == 0 { flush() }
        return request
    }
}

extension UnsafeMutablePointer<RequestSlot> {
    var listedPieces: UnsafeBufferPointer<hf_piece> {
        UnsafeBufferPointer(
            start: pointee.memory?.assumingMemoryBound(to: hf_piece.self), count: pointee.pieceCount)
    }

    /// What the slot owned is no longer needed.
    func releaseMemory() {
        pointee.memory?.deallocate()
        pointee.memory = nil
        pointee.pieceCount = 0
        guard pointee.copiedByteCount > 0, let connection = pointee.connection else { return }
        connection.pointee.copiedByteCount -= Int32(pointee.copiedByteCount)
        pointee.copiedByteCount = 0
    }
}
