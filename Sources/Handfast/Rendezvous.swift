import CHandfast
import Glibc

/// What a sender says of a payload that the receiver is to read: the message's own header, its user header, then a
/// number for the answer, the payload's address and size.
struct RendezvousRequest {
    /// All but the user header, in bytes.
    static let fixedByteCount = 32

    let userHeader: UnsafeRawBufferPointer
    let number: UInt64
    let address: UInt64
    let payloadByteCount: Int

    /// - Returns: nil when the sizes do not fit together.
    init?(_ bytes: UnsafeRawBufferPointer) {
        guard bytes.count >= Self.fixedByteCount else { return nil }
        let userHeaderByteCount = bytes.count - Self.fixedByteCount
        let header = MessageHeader(word: bytes.loadUnaligned(as: UInt64.self))
        let tail = MessageHeader.byteCount + userHeaderByteCount
        func word(_ index: Int) -> UInt64 {
            UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: tail + 8 * index, as: UInt64.self))
        }
        // Read once: the bytes may lie in memory that the peer can change.
        let announced = word(2)
        guard header.kind == .user, header.userHeaderByteCount == userHeaderByteCount,
            announced <= UInt64(MessageHeader.maximumPayloadByteCount)
        else { return nil }
        userHeader = UnsafeRawBufferPointer(rebasing: bytes[MessageHeader.byteCount..<tail])
        number = word(0)
        address = word(1)
        payloadByteCount = Int(announced)
    }
}

extension UnsafeMutablePointer<ConnectionSlot> {
    func rendezvousRequested(_ bytes: UnsafeRawBufferPointer, _ payloadByteCount: Int) {
        guard payloadByteCount == 0, let asked = RendezvousRequest(bytes) else {
            return violate(.malformedRendezvous)
        }
        pointee.inbound.part = .head
        let cost = Credit.cost(asked.userHeader.count, 0)
        guard !pointee.dropsArrivals else {
            pass(cost, payloadByteCount: 0)
            return giveUp(.remote(address: asked.address, rendezvous: asked.number))
        }
        guard charge(cost, payloadByteCount: 0) else { return }
        // It did not travel whole for want of credit: the next shall.
        if asked.payloadByteCount < pointee.announcedByteCount,
            pointee.credit.isShort(of: Credit.cost(asked.userHeader.count, asked.payloadByteCount))
        {
            giveCredit(wanted: 4 * Credit.cost(asked.userHeader.count, asked.payloadByteCount))
        }
        if let request = takePosted(asked.userHeader) {
            release(cost)
            request.matched(self, asked.userHeader, asked.payloadByteCount)
            let room = Swift.min(asked.payloadByteCount, request.pointee.payloadByteCount)
            return read(into: request, from: asked.address, byteCount: room, rendezvous: asked.number)
        }
        let message = UnsafeMutablePointer<UnexpectedMessage>.make(
            connection: self, userHeader: asked.userHeader, payloadByteCount: asked.payloadByteCount,
            keptByteCount: 0, content: .remote(address: asked.address, rendezvous: asked.number))
        guard let message else { return violate(.tooManyRequests) }
        // These hold no payload, but a peer could send them without end.
        let isStalled = !mayHold(asked.userHeader.count)
        append(message)
        guard isStalled else { return }
        pointee.inbound.message = message
        pointee.inbound.part = .stalled
        pointee.endpoint?.pointee.hasStalled = true
    }

    /// Fetches a payload from the peer's memory, or by messages where that cannot be read; `readEnded` follows, perhaps
    /// before this returns.
    func read(
        into request: UnsafeMutablePointer<RequestSlot>, from address: UInt64, byteCount: Int, rendezvous: UInt64
    ) {
        request.pointee.trailer = (rendezvous, 0, UInt64(byteCount))
        pointee.reading.append(request)
        guard byteCount > 0, let channel = pointee.channel, let target = request.pointee.payload else {
            return readEnded(request, 0)
        }
        guard address & PayloadHandle.mark == 0, let read = pointee.operations?.pointee.read else {
            return pull(into: request, from: address, byteCount: byteCount)
        }
        if pointee.inbound.prefersChannel, byteCount >= pointee.announcedByteCount, pointee.credit.isCounted,
            !isReadSooner(address, byteCount, isOwn: false), pointee.endpoint?.mayAsk(request) == true
        {
            request.pointee.readAddress = address
            return pull(into: request, from: PayloadHandle.make(rendezvous), byteCount: byteCount)
        }
        let error = read(channel, target, address, UInt64(byteCount), UInt64(UInt(bitPattern: request)))
        if error != 0 { readEnded(request, error) }
    }

    /// The peer does not answer any more: fetches from its memory what has not come. Late answers are dropped.
    func readInstead(_ request: UnsafeMutablePointer<RequestSlot>) {
        guard let channel = pointee.channel, let target = request.pointee.payload,
            let read = pointee.operations?.pointee.read, let address = request.pointee.readAddress
        else { return }
        let start = stopPulling(request)
        request.pointee.role = .message
        request.pointee.partCount = 0
        request.pointee.readAddress = nil
        let error = read(
            channel, target + start, address + UInt64(start), request.pointee.trailer.2 - UInt64(start),
            UInt64(UInt(bitPattern: request)))
        if error != 0 { readEnded(request, error) }
    }

    func readEnded(_ request: UnsafeMutablePointer<RequestSlot>, _ error: Int32) {
        // The end of the connection follows, and tells why.
        if error == ECONNRESET { return callForAttention() }
        // What cannot be read, as memory of a device or of a process that is no longer let in, may still be asked for.
        if error != 0, error != ENOTCONN, request.pointee.sentByteCount == 0, pointee.credit.isCounted {
            let (rendezvous, byteCount) = (request.pointee.trailer.0, Int(request.pointee.trailer.2))
            return pull(into: request, from: PayloadHandle.make(rendezvous), byteCount: byteCount)
        }
        pointee.reading.remove(request)
        // Even after a failure: the sender is to get its memory back.
        sendControl(.rendezvousFinished, request.pointee.trailer.0)
        if pointee.hasPeerEnded || pointee.dropsArrivals { callForAttention() }
        if error == 0 { request.completeReceive() } else { request.complete(.readFailed, systemError: error) }
    }

    func rendezvousFinished(_ bytes: UnsafeRawBufferPointer, _ payloadByteCount: Int) {
        guard let request = findAnnounced(bytes, payloadByteCount) else { return }
        // It has read what it had asked for. The payload must stay for a long answer that has begun.
        voidAnswers(of: request)
        guard request.pointee.partCount == 0 else { return request.pointee.isReleasedByPeer = true }
        takeAnnounced(request)
        request.complete(.succeeded)
    }

    /// The peer has closed, and drops what it has not received.
    func rendezvousRefused(_ bytes: UnsafeRawBufferPointer, _ payloadByteCount: Int) {
        guard let request = findAnnounced(bytes, payloadByteCount) else { return }
        guard request.pointee.partCount == 0 else { return violate(.unfinishedRendezvous) }
        takeAnnounced(request)
        let peer = record?.peerText ?? "the peer"
        request.fail(EndReason(HandfastError(.closed, "\(peer) closed the connection before it received the payload")))
    }

    /// The send whose payload the peer needs no more; nil when the peer has broken a rule.
    private func findAnnounced(
        _ bytes: UnsafeRawBufferPointer, _ payloadByteCount: Int
    ) -> UnsafeMutablePointer<RequestSlot>? {
        guard payloadByteCount == 0, bytes.count == MemoryLayout<UInt64>.size else {
            violate(.malformedRendezvous)
            return nil
        }
        pointee.inbound.part = .head
        let number = bytes.loadUnaligned(as: UInt64.self)
        // Peers finish in order, as a rule: the first is the one.
        var candidate = pointee.awaitingFinish.first
        while let request = candidate, request.pointee.trailer.0 != number { candidate = request.pointee.next }
        guard let request = candidate else {
            violate(.unknownRendezvous)
            return nil
        }
        return request
    }

    func takeAnnounced(_ request: UnsafeMutablePointer<RequestSlot>) {
        pointee.awaitingFinish.remove(request)
        pointee.endpoint?.pointee.offeredByteCount -= request.pointee.payloadByteCount
        conceal(UInt64(littleEndian: request.pointee.trailer.1))
        if pointee.dropsArrivals { callForAttention() }
    }
}
