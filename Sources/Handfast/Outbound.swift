import CHandfast

extension UnsafeMutablePointer<ConnectionSlot> {
    // Hot path.
    /// Sends a message or as much of it as the transport takes now.
    /// - Returns: nil when all of it went out; else the request that carries the rest, or holds the payload until the
    ///   peer has read it.
    /// - Throws: when there is no slot for the rest; nothing was sent.
    @inline(__always)
    func send(
        _ userHeader: UnsafeRawBufferPointer, _ payload: UnsafeRawBufferPointer
    ) throws(NoSlot) -> UnsafeMutablePointer<RequestSlot>? {
        let taken = payload.count < pointee.rendezvousByteCount ? sendNow(userHeader, payload) : 0
        guard let taken else { return nil }
        return try queue(userHeader, payload, after: taken)
    }

    // Hot path.
    /// Sends a message, or as much of it as the transport takes now, as what follows in the stream.
    /// - Returns: how many bytes of the message are out; nil when all are.
    @inline(__always)
    func sendNow(_ userHeader: UnsafeRawBufferPointer, _ payload: UnsafeRawBufferPointer) -> Int? {
        sendNow(userHeader, payloadByteCount: payload.count) { pieces in
            guard payload.count > 0 else { return 0 }
            pieces[0] = hf_piece(bytes: payload.baseAddress, byte_count: UInt64(payload.count))
            return 1
        }
    }

    // Hot path.
    /// The same for a payload that the caller lists.
    /// - Parameter list: writes the pieces of the payload, none of them empty, and returns how many.
    @inline(__always)
    func sendNow(
        _ userHeader: UnsafeRawBufferPointer, payloadByteCount: Int, _ list: (UnsafeMutablePointer<hf_piece>) -> Int
    ) -> Int? {
        let cost = Credit.cost(userHeader.count, payloadByteCount)
        guard let endpoint = pointee.endpoint, pointee.sendQueue.isEmpty, let channel = pointee.channel,
            let operations = pointee.operations, pointee.credit.allows(cost)
        else { return 0 }
        let (pieces, size) = (endpoint.pointee.pieces, MessageHeader.byteCount)
        endpoint.pointee.head =
            MessageHeader(.user, userHeaderByteCount: userHeader.count, payloadByteCount: payloadByteCount).word
        // The state stays where it is, so the pointer outlives the closure.
        let head = withUnsafePointer(to: &endpoint.pointee.head) { UnsafeRawPointer($0) }
        pieces[0] = hf_piece(bytes: head, byte_count: UInt64(size))
        var count = 1
        if userHeader.count > 0 {
            pieces[1] = hf_piece(bytes: userHeader.baseAddress, byte_count: UInt64(userHeader.count))
            count = 2
        }
        count += list(pieces + count)
        let taken = Int(operations.pointee.send(channel, pieces, UInt32(count)))
        if taken > 0 { pointee.credit.use(cost) }
        return taken == size + userHeader.count + payloadByteCount ? nil : taken
    }

    struct NoSlot: Error {}

    func makeSend(
        _ userHeader: UnsafeRawBufferPointer, _ payload: UnsafeRawBufferPointer
    ) throws(NoSlot) -> UnsafeMutablePointer<RequestSlot> {
        guard let request = pointee.endpoint?.takeRequest() else { throw NoSlot() }
        request.pointee.connection = self
        request.pointee.connectionGeneration = pointee.generation
        request.pointee.userHeader = UnsafeMutableRawPointer(mutating: userHeader.baseAddress)
        request.pointee.userHeaderByteCount = userHeader.count
        request.pointee.payload = UnsafeMutableRawPointer(mutating: payload.baseAddress)
        request.pointee.payloadByteCount = payload.count
        return request
    }

    /// Queues a message of the engine's own: a kind and at most one number.
    func sendControl(_ kind: MessageHeader.Kind, _ number: UInt64? = nil) {
        guard let request = pointee.endpoint?.takeRequest() else { return violate(.tooManyRequests) }
        let byteCount = number == nil ? 0 : MemoryLayout<UInt64>.size
        let header = MessageHeader(kind, userHeaderByteCount: byteCount, payloadByteCount: 0)
        request.pointee.isOwnedByEngine = true
        request.pointee.role = .control
        request.pointee.connection = self
        request.pointee.frame = (header.word, (number ?? 0).littleEndian)
        request.pointee.frameByteCount = MessageHeader.byteCount + byteCount
        // Only the goodbye comes after all that the user has sent.
        if kind == .end { pointee.sendQueue.append(request) } else { enqueueControl(request) }
        flush()
    }

    /// Queues a message of the engine's own that has three numbers.
    func sendControl(_ kind: MessageHeader.Kind, _ numbers: (UInt64, UInt64, UInt64)) {
        guard let request = pointee.endpoint?.takeRequest() else { return violate(.tooManyRequests) }
        let byteCount = MemoryLayout<(UInt64, UInt64, UInt64)>.size
        request.pointee.isOwnedByEngine = true
        request.pointee.role = .control
        request.pointee.connection = self
        request.pointee.frame.0 = MessageHeader(kind, userHeaderByteCount: byteCount, payloadByteCount: 0).word
        request.pointee.frameByteCount = MessageHeader.byteCount
        request.pointee.trailer = (numbers.0.littleEndian, numbers.1.littleEndian, numbers.2.littleEndian)
        request.pointee.trailerByteCount = byteCount
        enqueueControl(request)
        flush()
    }

    // Hot path.
    /// Gives the transport what is queued, until it takes no more.
    func flush() {
        guard let endpoint = pointee.endpoint else { return }
        var passCount = 0
        while let channel = pointee.channel, let operations = pointee.operations, let request = pointee.sendQueue.first
        {
            if request.pointee.frameByteCount == 0 { guard makeFrame(of: request) else { return } }
            let (count, byteCount) = request.fill(endpoint.pointee.pieces)
            let taken = Int(operations.pointee.send(channel, endpoint.pointee.pieces, UInt32(count)))
            if request.pointee.sentByteCount == 0, taken > 0 { pointee.credit.use(request.creditCost) }
            request.pointee.sentByteCount += taken
            guard taken == byteCount else { return }
            dequeue(request)
            if request.pointee.role == .payloadAnswer { passCount = Self.passLimit }
            sent(request)
            if passCount > 0 {
                passCount -= 1
                letUserPass()
            }
        }
        // Who closes waits for its last message, perhaps.
        if pointee.dropsArrivals { callForAttention() }
    }

    /// Decides how a message of the user's travels, when its turn has come.
    /// - Returns: false when it must wait for credit.
    private func makeFrame(of request: UnsafeMutablePointer<RequestSlot>) -> Bool {
        let (userHeaderByteCount, payloadByteCount) = (
            request.pointee.userHeaderByteCount, request.pointee.payloadByteCount
        )
        guard pointee.credit.left > 0, let endpoint = pointee.endpoint else { return false }
        let cost = Credit.cost(userHeaderByteCount, payloadByteCount)
        let isAllowed = pointee.credit.allows(cost, payloadByteCount: payloadByteCount)
        let isListed = request.pointee.pieceCount > 0
        // What lies in several places has no address to read it from.
        let stays = !isAllowed || !isListed && isAnnounced(request.pointee.payload, payloadByteCount)
        guard stays, request.canStay else {
            request.makeFrame()
            return true
        }
        repeat {
            endpoint.pointee.lastRendezvous += 1
        } while isHandleTaken(endpoint.pointee.lastRendezvous)
        let name = pointee.offersHandles || isListed ? nil : expose(request.pointee.payload, payloadByteCount)
        request.makeFrame(
            rendezvous: endpoint.pointee.lastRendezvous,
            address: name ?? PayloadHandle.make(endpoint.pointee.lastRendezvous))
        return true
    }

    /// Whether a payload that the peer has credit for waits to be fetched.
    private func isAnnounced(_ payload: UnsafeMutableRawPointer?, _ byteCount: Int) -> Bool {
        guard byteCount < pointee.announcedByteCount else { return true }
        return byteCount >= pointee.rendezvousByteCount
            && isReadSooner(UInt64(UInt(bitPattern: payload)), byteCount, isOwn: true)
    }

    /// What the transport says of a payload here or, announced, in the peer's memory.
    func isReadSooner(_ address: UInt64, _ byteCount: Int, isOwn: Bool) -> Bool {
        guard let channel = pointee.channel, let isSooner = pointee.operations?.pointee.read_is_sooner else {
            return false
        }
        return isSooner(channel, address, UInt64(byteCount), isOwn ? 1 : 0) != 0
    }

    /// Messages of the user's that go between two pieces of large payloads.
    private static var passLimit: Int { 16 }

    /// Brings the first of the user's messages to the front, before answers that could go on for long.
    private func letUserPass() {
        guard let user = pointee.lastControl?.pointee.next, user.pointee.role == .message,
            user.pointee.frameByteCount == 0, makeFrame(of: user)
        else { return }
        pointee.sendQueue.remove(user)
        pointee.sendQueue.insert(user, after: nil)
    }

    /// Puts a message of the engine's own before those of the user's that have not begun: they may wait for credit, and
    /// what gives them credit must not wait for them.
    func enqueueControl(_ request: UnsafeMutablePointer<RequestSlot>) {
        let first = pointee.sendQueue.first
        let begun = first?.pointee.sentByteCount == 0 ? nil : first
        pointee.sendQueue.insert(request, after: pointee.lastControl ?? begun)
        pointee.lastControl = request
    }

    private func dequeue(_ request: UnsafeMutablePointer<RequestSlot>) {
        pointee.sendQueue.remove(request)
        if pointee.lastControl == request { pointee.lastControl = nil }
    }

    func dequeueFirst() -> UnsafeMutablePointer<RequestSlot>? {
        guard let request = pointee.sendQueue.first else { return nil }
        dequeue(request)
        return request
    }

    /// Our last message is on its way: nothing can come after it.
    var isSayingGoodbye: Bool {
        if pointee.hasSentEnd { return true }
        guard pointee.isLeaving, let first = pointee.sendQueue.first, first.pointee.sentByteCount > 0 else {
            return false
        }
        return MessageHeader(word: first.pointee.frame.0).kind == .end
    }

    private func sent(_ request: UnsafeMutablePointer<RequestSlot>) {
        switch request.pointee.role {
        case .control:
            switch MessageHeader(word: request.pointee.frame.0).kind {
            case .credit:
                request.complete(.succeeded)
                return creditIsOut()
            case .end:
                pointee.hasSentEnd = true
                callForAttention()
            default: break
            }
        case .message where request.pointee.trailerByteCount > 0:
            pointee.endpoint?.pointee.offeredByteCount += request.pointee.payloadByteCount
            return pointee.awaitingFinish.append(request)
        case .message, .pull, .operation, .flush, .putRead, .hold: break
        case .payloadAnswer: answered(request)
        case .operationPart: return issued(request)
        case .operationAnswer: pointee.oneSided?.pointee.answerCount -= 1
        }
        request.complete(.succeeded)
    }
}

extension UnsafeMutablePointer<EndpointState> {
    // Hot path.
    /// A fresh request of this endpoint; nil at the limit.
    func takeRequest() -> UnsafeMutablePointer<RequestSlot>? {
        guard let request = pointee.requests.take() else { return nil }
        request.pointee.endpoint = self
        return request
    }
}

extension UnsafeMutablePointer<RequestSlot> {
    /// Of the send that this answers a part of; nil when its payload lies in one place.
    private var listedPiecesOfOwner: UnsafeBufferPointer<hf_piece>? {
        guard let owner = pointee.owner?.assumingMemoryBound(to: RequestSlot.self), owner.pointee.pieceCount > 0
        else { return nil }
        return owner.listedPieces
    }

    /// What it takes of the peer's credit.
    fileprivate var creditCost: Int {
        guard pointee.role == .message else { return 0 }
        let isAlone = pointee.trailerByteCount > 0
        return Credit.cost(pointee.userHeaderByteCount, isAlone ? 0 : pointee.payloadByteCount)
    }

    /// Whether its payload may stay here while its header travels.
    fileprivate var canStay: Bool {
        let headerByteCount = pointee.userHeaderByteCount + RendezvousRequest.fixedByteCount
        return pointee.payloadByteCount > 0 && headerByteCount <= MessageHeader.maximumUserHeaderByteCount
    }

    /// Writes the first bytes of a message that travels whole.
    func makeFrame() {
        pointee.frame.0 =
            MessageHeader(
                .user, userHeaderByteCount: pointee.userHeaderByteCount, payloadByteCount: pointee.payloadByteCount
            ).word
        pointee.frameByteCount = MessageHeader.byteCount
    }

    /// The same for one whose payload stays here.
    fileprivate func makeFrame(rendezvous: UInt64, address: UInt64) {
        let payloadByteCount = pointee.payloadByteCount
        makeFrame()
        let request = MessageHeader(
            .rendezvousRequest, userHeaderByteCount: pointee.userHeaderByteCount + RendezvousRequest.fixedByteCount,
            payloadByteCount: 0)
        pointee.frame = (request.word, pointee.frame.0)
        pointee.frameByteCount = 2 * MessageHeader.byteCount
        pointee.trailer = (rendezvous.littleEndian, address.littleEndian, UInt64(payloadByteCount).littleEndian)
        pointee.trailerByteCount = MemoryLayout<(UInt64, UInt64, UInt64)>.size
    }

    // Hot path.
    /// Lists what of the message is not out yet.
    fileprivate func fill(_ pieces: UnsafeMutablePointer<hf_piece>) -> (count: Int, byteCount: Int) {
        var (count, byteCount, skipped) = (0, 0, pointee.sentByteCount)
        func add(_ start: UnsafeRawPointer?, _ size: Int) {
            let before = Swift.min(skipped, size)
            skipped -= before
            guard size > before, let start else { return }
            pieces[count] = hf_piece(bytes: start + before, byte_count: UInt64(size - before))
            count += 1
            byteCount += size - before
        }
        // The slot's memory stays where it is, so pointers into it outlive the closures.
        add(withUnsafePointer(to: &pointee.frame) { UnsafeRawPointer($0) }, pointee.frameByteCount)
        add(pointee.userHeader, pointee.userHeaderByteCount)
        if pointee.pieceCount > 0, pointee.trailerByteCount == 0 {
            for piece in listedPieces { add(piece.bytes, Int(piece.byte_count)) }
        } else if pointee.trailerByteCount > 0 {
            add(withUnsafePointer(to: &pointee.trailer) { UnsafeRawPointer($0) }, pointee.trailerByteCount)
            add(withUnsafePointer(to: &pointee.more) { UnsafeRawPointer($0) }, pointee.moreByteCount)
            if pointee.carriesPayload { add(pointee.payload, pointee.payloadByteCount) }
        } else if pointee.role == .payloadAnswer, let list = listedPiecesOfOwner {
            var start = 0
            let (first, end) = (pointee.payloadOffset, pointee.payloadOffset + pointee.payloadByteCount)
            for piece in list {
                let (from, to) = (Swift.max(first, start), Swift.min(end, start + Int(piece.byte_count)))
                if from < to { add(piece.bytes.map { $0 + (from - start) }, to - from) }
                start += Int(piece.byte_count)
            }
        } else {
            add(pointee.payload, pointee.payloadByteCount)
        }
        return (count, byteCount)
    }
}
