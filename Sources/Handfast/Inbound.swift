import CSystem
import Glibc

/// Where the incoming stream of one connection stands: which part of a message comes next, and where it goes.
struct Inbound {
    enum Part {
        /// The eight bytes of a header; `collectedByteCount` of them are in `head`.
        case head
        /// The user header of a message whose header is in `head`; so much of it is in `userHeader`.
        case userHeader
        /// `remaining` bytes for `target`, then `surplus` bytes for nobody.
        case payload
        /// A message that fits nowhere is held back in the stream until somebody receives it.
        case stalled
        /// The connection is lost: what still comes is not looked at.
        case ignored
    }

    /// Whose payload it is that belongs to no receive and no message.
    enum Continuation: UInt8 {
        case none
        /// A piece that was asked for.
        case pull
        /// A put, for registered memory.
        case put
        /// A put that is passed over.
        case refusedPut
        /// What a get asked for.
        case operationAnswer
    }

    /// Read ahead of the next header: much when messages are small, little when their payload should not be copied.
    static let readAheadForSmall: Int32 = 65_536
    static let readAheadForLarge: Int32 = 2_048
    /// To copy less is quicker than to ask the system twice.
    static let largePayloadByteCount = 16 << 10
    /// A user header of so many bytes may come in pieces without an allocation at that moment.
    static let reservedUserHeaderByteCount = 64

    var part = Part.head
    var continuation = Continuation.none
    /// Payloads that could be read are asked for by messages, unless the peer does not answer soon.
    var prefersChannel = false
    /// As the sender, of payloads that could be read: the transport knows which are sooner there.
    var asksTransport = false
    /// Of the header or the user header, as far as it came in pieces.
    var collectedByteCount: Int32 = 0
    /// Room in `userHeader`.
    var userHeaderCapacity: Int32 = 0
    var readAhead = readAheadForSmall
    var head: UInt64 = 0
    /// Collects a user header that comes in pieces; kept from message to message.
    var userHeader: UnsafeMutableRawPointer?

    var target: UnsafeMutableRawPointer?
    var remaining = 0
    var surplus = 0
    /// Whose payload it is: a receive's, or a message's that has none yet; neither when it is skipped.
    var request: UnsafeMutablePointer<RequestSlot>?
    var message: UnsafeMutablePointer<UnexpectedMessage>?

    /// For another stream; the memory is kept.
    mutating func reset() {
        let (userHeader, capacity) = (userHeader, userHeaderCapacity)
        self = Inbound()
        (self.userHeader, userHeaderCapacity) = (userHeader, capacity)
    }
}

extension UnsafeMutablePointer<ConnectionSlot> {
    // Hot path.
    /// Cuts the next bytes of the stream into messages.
    /// - Returns: how many were taken; fewer than given when a message must wait for its receive.
    @inline(__always)
    func take(_ bytes: UnsafeRawPointer, _ byteCount: Int) -> Int {
        var cursor = 0
        while cursor < byteCount {
            switch pointee.inbound.part {
            case .head:
                let whole = takeWhole(bytes + cursor, byteCount - cursor)
                cursor += whole > 0 ? whole : takeHead(bytes + cursor, byteCount - cursor)
            case .userHeader: cursor += takeUserHeader(bytes + cursor, byteCount - cursor)
            case .payload: cursor += takePayload(bytes + cursor, byteCount - cursor)
            case .stalled: return cursor
            case .ignored: return byteCount
            }
        }
        return cursor
    }

    // Hot path.
    /// The usual case in one go: a small message of the user's that is here whole. When no receive wants it, its payload
    /// is left to follow.
    /// - Returns: the bytes that were taken; 0 when it is not that.
    @inline(__always)
    private func takeWhole(_ bytes: UnsafeRawPointer, _ byteCount: Int) -> Int {
        let size = MessageHeader.byteCount
        guard byteCount >= size, pointee.inbound.collectedByteCount == 0, !pointee.dropsArrivals else { return 0 }
        let header = MessageHeader(word: bytes.loadUnaligned(as: UInt64.self))
        let (headerByteCount, payloadByteCount) = (header.userHeaderByteCount, header.payloadByteCount)
        let end = size + headerByteCount + payloadByteCount
        guard end <= byteCount, payloadByteCount <= Int(Inbound.readAheadForLarge),
            header.kindNumber == MessageHeader.Kind.user.rawValue
        else { return 0 }
        let userHeader = UnsafeRawBufferPointer(start: bytes + size, count: headerByteCount)
        pointee.inbound.readAhead = Inbound.readAheadForSmall
        guard let request = takePosted(userHeader) else {
            // Its payload follows, for the place that it has got.
            keep(userHeader, payloadByteCount)
            return size + headerByteCount
        }
        request.matched(self, userHeader, payloadByteCount)
        let room = Swift.min(payloadByteCount, request.pointee.payloadByteCount)
        if room > 0, let target = request.pointee.payload {
            csystem_copy(target, bytes + size + headerByteCount, UInt64(room))
        }
        request.completeReceive()
        pass(Credit.cost(headerByteCount, payloadByteCount), payloadByteCount: payloadByteCount)
        return end
    }

    // Hot path.
    @inline(never)
    private func takeHead(_ bytes: UnsafeRawPointer, _ byteCount: Int) -> Int {
        let size = MessageHeader.byteCount
        if pointee.inbound.collectedByteCount == 0, byteCount >= size {
            pointee.inbound.head = bytes.loadUnaligned(as: UInt64.self)
            let header = MessageHeader(word: pointee.inbound.head)
            let end = size + header.userHeaderByteCount
            guard end > byteCount else {
                beginMessage(header, UnsafeRawBufferPointer(start: bytes + size, count: header.userHeaderByteCount))
                return end
            }
            pointee.inbound.part = .userHeader
            return size
        }
        let already = Int(pointee.inbound.collectedByteCount)
        let count = Swift.min(size - already, byteCount)
        withUnsafeMutableBytes(of: &pointee.inbound.head) { head in
            head.baseAddress.map { _ = memcpy($0 + already, bytes, count) }
        }
        pointee.inbound.collectedByteCount = Int32(already + count)
        guard already + count == size else { return count }
        pointee.inbound.collectedByteCount = 0
        let header = MessageHeader(word: pointee.inbound.head)
        guard header.userHeaderByteCount == 0 else {
            pointee.inbound.part = .userHeader
            return count
        }
        beginMessage(header, UnsafeRawBufferPointer(start: nil, count: 0))
        return count
    }

    @inline(never)
    private func takeUserHeader(_ bytes: UnsafeRawPointer, _ byteCount: Int) -> Int {
        let header = MessageHeader(word: pointee.inbound.head)
        let size = header.userHeaderByteCount
        if pointee.inbound.userHeaderCapacity < Int32(size) { reserveUserHeader(byteCount: size) }
        guard let store = pointee.inbound.userHeader else { return byteCount }
        let already = Int(pointee.inbound.collectedByteCount)
        let count = Swift.min(size - already, byteCount)
        memcpy(store + already, bytes, count)
        pointee.inbound.collectedByteCount = Int32(already + count)
        if already + count == size {
            pointee.inbound.collectedByteCount = 0
            beginMessage(header, UnsafeRawBufferPointer(start: store, count: size))
        }
        return count
    }

    func reserveUserHeader(byteCount: Int) {
        pointee.inbound.userHeader?.deallocate()
        pointee.inbound.userHeader = .allocate(byteCount: byteCount, alignment: 8)
        pointee.inbound.userHeaderCapacity = Int32(byteCount)
    }

    // Hot path.
    private func takePayload(_ bytes: UnsafeRawPointer, _ byteCount: Int) -> Int {
        let count = Swift.min(pointee.inbound.remaining, byteCount)
        if count > 0, let target = pointee.inbound.target { memcpy(target, bytes, count) }
        let skipped = Swift.min(pointee.inbound.surplus, byteCount - count)
        pointee.inbound.surplus -= skipped
        placed(count)
        return count + skipped
    }

    // Hot path.
    /// So many bytes of payload have reached their target.
    func placed(_ byteCount: Int) {
        pointee.inbound.remaining -= byteCount
        pointee.inbound.target = pointee.inbound.target.map { $0 + byteCount }
        if pointee.inbound.remaining == 0, pointee.inbound.surplus == 0 { finishMessage() }
    }

    // Hot path.
    /// The header and all of the user header are here; the bytes are valid during the call.
    private func beginMessage(_ header: MessageHeader, _ userHeader: UnsafeRawBufferPointer) {
        let isLarge = header.payloadByteCount > Inbound.largePayloadByteCount
        pointee.inbound.readAhead = isLarge ? Inbound.readAheadForLarge : Inbound.readAheadForSmall
        switch header.kind {
        case .user: arrive(userHeader, payloadByteCount: header.payloadByteCount)
        case .rendezvousRequest: rendezvousRequested(userHeader, header.payloadByteCount)
        case .rendezvousFinished: rendezvousFinished(userHeader, header.payloadByteCount)
        case .readRequest: readRequested(userHeader, header.payloadByteCount)
        case .readAnswer: readAnswered(userHeader, header.payloadByteCount)
        case .end:
            pointee.hasPeerEnded = true
            pointee.takesSends = false
            callForAttention()
            skipPayload(header.payloadByteCount)
            pointee.credit.end()
            flush()
        case .put where pointee.servesOneSided: putArrives(userHeader, header.payloadByteCount)
        case .get where pointee.servesOneSided: getArrives(userHeader, header.payloadByteCount)
        case .atomic where pointee.servesOneSided: atomicArrives(userHeader, header.payloadByteCount)
        case .operationAnswer where pointee.servesOneSided: operationAnswered(userHeader, header.payloadByteCount)
        case .putOffer where pointee.servesOneSided: putOffered(userHeader, header.payloadByteCount)
        case .getOffer where pointee.servesOneSided: getOffered(userHeader, header.payloadByteCount)
        case .getFinished where pointee.servesOneSided: getFinished(userHeader, header.payloadByteCount)
        case .credit where pointee.credit.isCounted: creditArrived(userHeader, header.payloadByteCount)
        case .rendezvousRefused where pointee.credit.isCounted:
            rendezvousRefused(userHeader, header.payloadByteCount)
        case .put, .get, .atomic, .operationAnswer, .putOffer, .getOffer, .getFinished, .credit, .rendezvousRefused:
            skipPayload(header.payloadByteCount)
        // A kind that later versions may define: passed over by its sizes, however it is cut.
        case nil: skipPayload(header.payloadByteCount)
        }
    }

    func skipPayload(_ byteCount: Int) {
        pointee.inbound.request = nil
        pointee.inbound.message = nil
        expectPayload(at: nil, byteCount: 0, surplus: byteCount)
    }

    // Hot path.
    /// What follows in the stream goes to `target`; the message is finished when all of it has come.
    func expectPayload(at target: UnsafeMutableRawPointer?, byteCount: Int, surplus: Int) {
        pointee.inbound.target = target
        pointee.inbound.remaining = byteCount
        pointee.inbound.surplus = surplus
        pointee.inbound.part = .payload
        if byteCount == 0, surplus == 0 { finishMessage() }
    }

    // Hot path.
    private func finishMessage() {
        if pointee.violation == nil { pointee.inbound.part = .head }
        if let request = pointee.inbound.request {
            pointee.inbound.request = nil
            request.completeReceive()
        } else if let message = pointee.inbound.message {
            pointee.inbound.message = nil
            message.pointee.content = .kept
            pointee.endpoint?.noteForHandler(message)
        } else if pointee.inbound.continuation != .none {
            goOn()
        }
    }

    /// A payload that is neither a receive's nor a message's is complete.
    private func goOn() {
        let continuation = pointee.inbound.continuation
        pointee.inbound.continuation = .none
        switch continuation {
        case .none: break
        case .pull: pieceArrived()
        case .put: putArrived()
        case .refusedPut: refusedPutArrived()
        case .operationAnswer: operationDataArrived()
        }
    }
}
