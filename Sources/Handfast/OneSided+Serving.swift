import Synchronization

// The side that is asked: every number is checked against its own table before memory is touched.

extension UnsafeMutablePointer<ConnectionSlot> {
    /// What follows is for registered memory.
    func putArrives(_ bytes: UnsafeRawBufferPointer, _ payloadByteCount: Int) {
        guard let fields = OperationFields(bytes, wordCounts: 2...5) else { return violate(.malformedOperation) }
        guard isWithinLimit else { return violate(.tooManyOperations) }
        guard !pointee.isLeaving else { return skipPayload(payloadByteCount) }
        let (isPart, tells) = (fields.wordCount >= 4, fields.wordCount % 2 == 1)
        let extent = isPart ? Extent(fields.words.2, fields.words.3) : nil
        guard let found = find(fields, byteCount: UInt64(payloadByteCount), of: extent, .write) else { return }
        guard let region = found.region, let base = region.pointee.base ?? Self.nowhere else {
            // Told behind the bytes: the peer takes no answer to what is not out whole.
            makeOneSided().pointee.refusal = OneSided.Refusal(number: fields.first, status: found.status)
            pointee.inbound.continuation = .refusedPut
            return skipPayload(payloadByteCount)
        }
        region.retain()
        makeOneSided().pointee.put = OneSided.IncomingPut(
            number: fields.first, region: region, notification: tells ? isPart ? fields.words.4 : fields.words.2 : nil)
        pointee.inbound.continuation = .put
        expectPayload(at: base + Int(fields.words.1), byteCount: payloadByteCount, surplus: 0)
    }

    /// All bytes of a put that was refused have been passed over.
    func refusedPutArrived() {
        guard let refusal = pointee.oneSided?.pointee.refusal else { return }
        pointee.oneSided?.pointee.refusal = nil
        answer(refusal.number, refusal.status)
    }

    /// Stands for memory of no bytes, which is never touched.
    private static var nowhere: UnsafeMutableRawPointer? { UnsafeMutableRawPointer(bitPattern: 1) }

    /// All bytes of a put are in place.
    func putArrived() {
        guard let oneSided = pointee.oneSided, let put = oneSided.pointee.put else { return }
        guard let value = put.notification, !pointee.dropsArrivals else { return finishPut() }
        let entry = NotificationQueue.Entry(connection: Connection(self), value: value)
        guard let endpoint = pointee.endpoint, !endpoint.pointee.notifications.append(entry) else {
            return finishPut()
        }
        // What comes after it waits too.
        pointee.inbound.part = .stalled
        oneSided.pointee.isWaitingForRoom = true
        endpoint.addWaiting(self)
    }

    /// There is room for the notification that holds the stream.
    func tellHeldNotification() {
        if pointee.violation == nil { pointee.inbound.part = .head }
        pointee.oneSided?.pointee.isWaitingForRoom = false
        putArrived()
        if pointee.inbound.part == .head { resume() }
    }

    /// Nobody wants the notification that holds the stream, if one does.
    func dropHeldNotification() {
        guard pointee.oneSided?.pointee.isWaitingForRoom == true else { return }
        pointee.endpoint?.removeWaiting(self)
        tellHeldNotification()
    }

    func finishPut(_ status: OperationStatus = .done) {
        guard let put = pointee.oneSided?.pointee.put else { return }
        pointee.oneSided?.pointee.put = nil
        put.region.release()
        answer(put.number, status)
    }

    func getArrives(_ bytes: UnsafeRawBufferPointer, _ payloadByteCount: Int) {
        guard let fields = askedGet(bytes, payloadByteCount),
            let found = find(fields, byteCount: fields.words.2, of: fields.extentOfGet, .read)
        else { return }
        guard let region = found.region else { return answer(fields.first, found.status) }
        let start = region.pointee.base.map { $0 + Int(fields.words.1) }
        answer(
            fields.first, .done, data: UnsafeRawBufferPointer(start: start, count: Int(fields.words.2)), of: region)
    }

    func atomicArrives(_ bytes: UnsafeRawBufferPointer, _ payloadByteCount: Int) {
        guard let fields = asked(bytes, payloadByteCount, wordCounts: 5...5) else { return }
        let width = Int(UInt8(truncatingIfNeeded: fields.words.2 >> 48))
        guard let code = AtomicCode(rawValue: UInt8(truncatingIfNeeded: fields.words.2 >> 56)),
            width == 4 || width == 8
        else { return answer(fields.first, .unsupported) }
        guard let found = find(fields, byteCount: UInt64(width), of: nil, .atomic) else { return }
        guard let region = found.region, let base = region.pointee.base else {
            return answer(fields.first, found.status)
        }
        let address = base + Int(fields.words.1)
        guard UInt(bitPattern: address) % UInt(width) == 0 else { return answer(fields.first, .misaligned) }
        let (operand, comparand) = (fields.words.3, fields.words.4)
        let old =
            width == 8
            ? address.assumingMemoryBound(to: Atomic<UInt64>.self).apply(code, operand, comparand)
            : UInt64(
                address.assumingMemoryBound(to: Atomic<UInt32>.self).apply(
                    code, UInt32(truncatingIfNeeded: operand), UInt32(truncatingIfNeeded: comparand)))
        answer(fields.first, .done, value: old)
    }

    // MARK: Checks and answers

    /// Reads what an operation without a payload asks for; the next message may follow.
    /// - Returns: nil when there is nothing to be done for it: it broke a rule, or our goodbye is out.
    func asked(
        _ bytes: UnsafeRawBufferPointer, _ payloadByteCount: Int, wordCounts: ClosedRange<Int>
    ) -> OperationFields? {
        guard payloadByteCount == 0, let fields = OperationFields(bytes, wordCounts: wordCounts) else {
            violate(.malformedOperation)
            return nil
        }
        guard isWithinLimit else {
            violate(.tooManyOperations)
            return nil
        }
        pointee.inbound.part = .head
        return pointee.isLeaving ? nil : fields
    }

    func askedGet(_ bytes: UnsafeRawBufferPointer, _ payloadByteCount: Int) -> OperationFields? {
        guard let fields = asked(bytes, payloadByteCount, wordCounts: 3...5) else { return nil }
        guard fields.wordCount != 4 else {
            violate(.malformedOperation)
            return nil
        }
        return fields
    }

    /// Not too many answers wait already.
    private var isWithinLimit: Bool {
        guard let oneSided = pointee.oneSided else { return true }
        return oneSided.pointee.answerCount + oneSided.pointee.holdCount < OneSided.partLimit
    }

    /// - Parameter extent: of a part: all of the operation, which is allowed as a whole or not at all.
    /// - Returns: nil for a part of something else, which is a violation.
    func find(
        _ fields: OperationFields, byteCount: UInt64, of extent: Extent?, _ needed: MemoryPermissions
    ) -> (region: UnsafeMutablePointer<RegionSlot>?, status: OperationStatus)? {
        let own = Extent(fields.words.1, byteCount)
        let whole = extent ?? own
        guard whole.contains(own) else {
            violate(.partOutsideOperation)
            return nil
        }
        guard let region = pointee.endpoint?.pointee.regions.find(fields.second, nonce: fields.words.0) else {
            return (nil, .unknownMemory)
        }
        guard region.pointee.key.permissions.contains(needed) else { return (nil, .notPermitted) }
        guard Extent(0, UInt64(region.pointee.byteCount)).contains(whole) else { return (nil, .outOfBounds) }
        return (region, .done)
    }

    /// Queues an answer; its data stays in the region, which is held until it is out.
    func answer(
        _ number: UInt32, _ status: OperationStatus, value: UInt64 = 0,
        data: UnsafeRawBufferPointer = UnsafeRawBufferPointer(start: nil, count: 0),
        of region: UnsafeMutablePointer<RegionSlot>? = nil
    ) {
        // Our goodbye is our last word, and tells the peer that nothing more is answered.
        guard !pointee.isLeaving else { return }
        guard let answer = pointee.endpoint?.takeRequest() else { return violate(.tooManyRequests) }
        answer.pointee.isOwnedByEngine = true
        answer.pointee.role = .operationAnswer
        answer.pointee.connection = self
        answer.pointee.payload = UnsafeMutableRawPointer(mutating: data.baseAddress)
        answer.pointee.payloadByteCount = data.count
        answer.writeFrame(
            .operationAnswer, (number, status.rawValue), wordCount: 1, (value, 0, 0), payloadByteCount: data.count)
        region?.retain()
        answer.pointee.owner = region.map { UnsafeMutableRawPointer($0) }
        makeOneSided().pointee.answerCount += 1
        enqueueControl(answer)
        flush()
    }
}

extension UnsafeMutablePointer<Atomic<UInt64>> {
    fileprivate func apply(_ code: AtomicCode, _ operand: UInt64, _ comparand: UInt64) -> UInt64 {
        switch code {
        case .add: pointee.wrappingAdd(operand, ordering: .sequentiallyConsistent).oldValue
        case .swap: pointee.exchange(operand, ordering: .sequentiallyConsistent)
        case .compareAndSwap:
            pointee.compareExchange(
                expected: comparand, desired: operand, ordering: .sequentiallyConsistent
            ).original
        }
    }
}

extension UnsafeMutablePointer<Atomic<UInt32>> {
    fileprivate func apply(_ code: AtomicCode, _ operand: UInt32, _ comparand: UInt32) -> UInt32 {
        switch code {
        case .add: pointee.wrappingAdd(operand, ordering: .sequentiallyConsistent).oldValue
        case .swap: pointee.exchange(operand, ordering: .sequentiallyConsistent)
        case .compareAndSwap:
            pointee.compareExchange(
                expected: comparand, desired: operand, ordering: .sequentiallyConsistent
            ).original
        }
    }
}
