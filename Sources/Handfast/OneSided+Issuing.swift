// The side that asks: it cuts operations into parts, sends as many as the bounds allow, and puts the answers together.

extension UnsafeMutablePointer<ConnectionSlot> {
    /// Queues an operation, or a flush, behind those that are under way.
    func begin(_ operation: UnsafeMutablePointer<RequestSlot>) {
        let oneSided = makeOneSided()
        operation.pointee.connection = self
        operation.pointee.connectionGeneration = pointee.generation
        oneSided.pointee.operations.append(operation)
        if oneSided.pointee.nextToIssue == nil { oneSided.pointee.nextToIssue = operation }
        if pointee.channel != nil { issueOperations() } else { callForAttention() }
    }

    /// Sends parts as far as the bounds allow, in the order of the operations.
    func issueOperations() {
        guard let oneSided = pointee.oneSided, pointee.channel != nil, pointee.servesOneSided, !pointee.hasPeerEnded
        else { return }
        while let operation = oneSided.pointee.nextToIssue, oneSided.pointee.partCount < OneSided.partLimit {
            guard operation.pointee.role == .operation, operation.pointee.systemError == 0, !operation.isIssuedWhole
            else {
                oneSided.pointee.nextToIssue = operation.pointee.next
                continue
            }
            let rest = operation.pointee.payloadByteCount - operation.pointee.sentByteCount
            var isRead = readsPart(of: operation, byteCount: rest)
            var name: UInt64?
            if isRead, operation.pointee.operationKind == .put {
                let start = operation.pointee.payload.map { $0 + operation.pointee.sentByteCount }
                name = expose(start, Swift.min(rest, OneSided.readPartByteCount))
                isRead = name != nil
            }
            defer { if let name { conceal(name) } }
            let byteCount = Swift.min(rest, isRead ? OneSided.readPartByteCount : OneSided.partByteCount)
            // It tells of all that came before it.
            let isTelling = operation.pointee.hasNotification && byteCount == rest
            if isTelling, operation.pointee.partCount > 0 { return }
            let limit = isRead ? OneSided.readByteLimit : OneSided.byteLimit
            let isWithinBound = oneSided.pointee.byteCount + byteCount <= limit
            guard isWithinBound || oneSided.pointee.byteCount == 0 else { return }
            guard let part = pointee.endpoint?.takeRequest() else { return violate(.tooManyRequests) }
            oneSided.pointee.lastNumber &+= 1
            part.makePart(
                of: operation, byteCount: byteCount, isRead: isRead, name: name, isTelling: isTelling,
                oneSided.pointee.lastNumber)
            name = nil
            part.pointee.connection = self
            oneSided.pointee.partCount += 1
            oneSided.pointee.byteCount += byteCount
            enqueueControl(part)
            flush()
            guard pointee.violation == nil else { return }
        }
    }

    /// A part is out.
    func issued(_ part: UnsafeMutablePointer<RequestSlot>) {
        pointee.oneSided?.pointee.awaitingAnswer.append(part)
        // Nobody will answer it.
        if pointee.hasPeerEnded { callForAttention() }
    }

    func operationAnswered(_ bytes: UnsafeRawBufferPointer, _ payloadByteCount: Int) {
        guard let fields = OperationFields(bytes, wordCounts: 1...1), let oneSided = pointee.oneSided,
            let part = oneSided.pointee.awaitingAnswer.find(fields.first)
        else { return violate(.unexpectedAnswer) }
        // A status that a later version may define is a failure in any case.
        let status = OperationStatus(rawValue: fields.second) ?? .unsupported
        let kind = MessageHeader(word: part.pointee.frame.0).kind
        let isData = status == .done && kind == .get
        guard payloadByteCount == (isData ? part.pointee.payloadByteCount : 0) else {
            return violate(.unexpectedAnswer)
        }
        oneSided.pointee.awaitingAnswer.remove(part)
        guard isData else {
            pointee.inbound.part = .head
            if status == .done, kind == .getOffer { return read(part, from: fields.words.0) }
            if status == .unsupported, kind == .getOffer { return getByMessages(part) }
            return finish(part, status, fetched: fields.words.0)
        }
        oneSided.pointee.arriving = part
        pointee.inbound.continuation = .operationAnswer
        expectPayload(at: part.pointee.payload, byteCount: payloadByteCount, surplus: 0)
    }

    /// All bytes of a get's part are here.
    func operationDataArrived() {
        guard let part = pointee.oneSided?.pointee.arriving else { return }
        pointee.oneSided?.pointee.arriving = nil
        finish(part, .done)
    }

    func finish(
        _ part: UnsafeMutablePointer<RequestSlot>, _ status: OperationStatus, fetched: UInt64 = 0
    ) {
        guard let operation = take(part) else { return }
        if operation.pointee.operationKind == .atomic { operation.pointee.fetched = fetched }
        // The first failure is the operation's.
        if status != .done, operation.pointee.systemError == 0 {
            operation.pointee.systemError = Int32(status.rawValue)
        }
        let isFailed = operation.pointee.systemError != 0
        if operation.pointee.partCount == 0, isFailed || operation.isIssuedWhole {
            takeOut(operation)
            operation.complete(isFailed ? .refusedByTarget : .succeeded, systemError: operation.pointee.systemError)
            finishFlushes()
        }
        issueOperations()
        // After the peer's goodbye, what is left of an operation is not asked for any more.
        if pointee.hasPeerEnded || pointee.dropsArrivals && !hasOperations { callForAttention() }
    }

    /// Ends a part and counts it off.
    private func take(_ part: UnsafeMutablePointer<RequestSlot>) -> UnsafeMutablePointer<RequestSlot>? {
        guard let oneSided = pointee.oneSided, let operation = part.operation else { return nil }
        oneSided.pointee.partCount -= 1
        oneSided.pointee.byteCount -= part.pointee.payloadByteCount
        operation.pointee.partCount -= 1
        if MessageHeader(word: part.pointee.frame.0).kind == .putOffer {
            conceal(UInt64(bigEndian: part.pointee.trailer.2))
        }
        part.complete(.succeeded)
        return operation
    }

    private func takeOut(_ operation: UnsafeMutablePointer<RequestSlot>) {
        guard let oneSided = pointee.oneSided else { return }
        if oneSided.pointee.nextToIssue == operation { oneSided.pointee.nextToIssue = operation.pointee.next }
        oneSided.pointee.operations.remove(operation)
    }

    /// Nothing is before these any more.
    private func finishFlushes() {
        while let flush = pointee.oneSided?.pointee.operations.first, flush.pointee.role == .flush {
            takeOut(flush)
            flush.complete(.succeeded)
        }
    }

    /// The peer has said goodbye: what it has not answered it never will. Parts that are still going out use the user's
    /// memory, and so their operations end later.
    func endOperations(_ reason: EndReason) {
        guard let oneSided = pointee.oneSided else { return }
        while let part = oneSided.pointee.awaitingAnswer.removeFirst() { _ = take(part) }
        var next = oneSided.pointee.operations.first
        while let operation = next {
            next = operation.pointee.next
            guard operation.pointee.partCount == 0 else { continue }
            takeOut(operation)
            operation.fail(reason)
        }
    }
}

extension RequestQueue {
    /// Of parts; peers answer in order, as a rule.
    func find(_ number: UInt32) -> UnsafeMutablePointer<RequestSlot>? {
        var candidate = first
        while let part = candidate, part.pointee.partNumber != number { candidate = part.pointee.next }
        return candidate
    }
}

extension UnsafeMutablePointer<RequestSlot> {
    /// Writes the next part of an operation.
    fileprivate func makePart(
        of operation: UnsafeMutablePointer<RequestSlot>, byteCount: Int, isRead: Bool, name: UInt64?, isTelling: Bool,
        _ number: UInt32
    ) {
        let start = operation.pointee.sentByteCount
        let (region, code, width) = operation.pointee.operationTarget
        let (nonce, offset) = (operation.pointee.operationNonce, operation.pointee.operationOffset + UInt64(start))
        let numbers = (number, region)
        pointee.isOwnedByEngine = true
        pointee.role = .operationPart
        pointee.owner = UnsafeMutableRawPointer(operation)
        pointee.partNumber = number
        pointee.payload = operation.pointee.payload.map { $0 + start }
        pointee.payloadByteCount = byteCount
        let operand = operation.pointee.operand
        // The first part is refused if a later one would be, so each tells of all of them.
        let isPart = byteCount < operation.pointee.payloadByteCount
        let extent = (operation.pointee.operationOffset, UInt64(operation.pointee.payloadByteCount))
        let (extentCount, tellingCount) = (isPart ? 2 : 0, isTelling ? 1 : 0)
        switch operation.pointee.operationKind {
        case .put where isRead:
            writeFrame(
                .putOffer, numbers, wordCount: 4 + extentCount + tellingCount, (nonce, offset, name ?? 0),
                isPart ? (UInt64(byteCount), extent.0, extent.1, operand) : (UInt64(byteCount), operand, 0, 0),
                payloadByteCount: 0)
        case .put:
            writeFrame(
                .put, numbers, wordCount: 2 + extentCount + tellingCount,
                (nonce, offset, isPart ? extent.0 : operand), (extent.1, operand, 0, 0), payloadByteCount: byteCount)
        case .get:
            writeFrame(
                isRead ? .getOffer : .get, numbers, wordCount: 3 + extentCount, (nonce, offset, UInt64(byteCount)),
                (extent.0, extent.1, 0, 0), payloadByteCount: 0)
        default:
            pointee.payloadByteCount = 0
            writeFrame(
                .atomic, numbers, wordCount: 5, (nonce, offset, UInt64(code) << 56 | UInt64(width) << 48),
                (operand, operation.pointee.comparand, 0, 0), payloadByteCount: 0)
        }
        operation.pointee.sentByteCount += byteCount
        operation.pointee.hasBegun = true
        operation.pointee.partCount += 1
    }
}
