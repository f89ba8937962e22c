import CHandfast
import Glibc

// Large parts where a transport reads the other process's memory: a put's bytes are read by the owner of the region, a get's
// by who asks. What is checked, and by whom, is the same.

extension UnsafeMutablePointer<ConnectionSlot> {
    /// Whether a part of so many bytes is read from memory in place of travelling in the stream.
    func readsPart(of operation: UnsafeMutablePointer<RequestSlot>, byteCount: Int) -> Bool {
        guard byteCount >= pointee.readPartByteCount else { return false }
        switch operation.pointee.operationKind {
        case .put: return !pointee.offersHandles
        case .get: return pointee.oneSided?.pointee.cannotRead == false
        default: return false
        }
    }

    // MARK: Puts

    /// The peer's memory has what is for ours. The stream waits for it, so that what follows is done later.
    func putOffered(_ bytes: UnsafeRawBufferPointer, _ payloadByteCount: Int) {
        guard let fields = asked(bytes, payloadByteCount, wordCounts: 4...7) else { return }
        let (isPart, tells) = (fields.wordCount >= 6, fields.wordCount % 2 == 1)
        guard
            let found = find(
                fields, byteCount: fields.words.3, of: isPart ? Extent(fields.words.4, fields.words.5) : nil, .write)
        else { return }
        guard let region = found.region else { return answer(fields.first, found.status) }
        guard let channel = pointee.channel, let read = pointee.operations?.pointee.read,
            let base = region.pointee.base, fields.words.3 > 0
        else { return answer(fields.first, .unsupported) }
        guard let request = pointee.endpoint?.takeRequest() else { return violate(.tooManyRequests) }
        request.pointee.isOwnedByEngine = true
        request.pointee.role = .putRead
        request.pointee.connection = self
        pointee.reading.append(request)
        region.retain()
        let oneSided = makeOneSided()
        oneSided.pointee.put = OneSided.IncomingPut(
            number: fields.first, region: region, notification: tells ? isPart ? fields.words.6 : fields.words.4 : nil)
        pointee.inbound.part = .stalled
        oneSided.pointee.isBeginningRead = true
        let error = read(
            channel, base + Int(fields.words.1), fields.words.2, fields.words.3, UInt64(UInt(bitPattern: request)))
        oneSided.pointee.isBeginningRead = false
        if error != 0 { putRead(request, error) }
    }

    /// A put's bytes are in place, or could not be read.
    func putRead(_ request: UnsafeMutablePointer<RequestSlot>, _ error: Int32) {
        pointee.reading.remove(request)
        request.complete(.succeeded)
        if pointee.violation == nil { pointee.inbound.part = .head }
        if error == 0 { putArrived() } else { finishPut(.readFailed) }
        if pointee.hasPeerEnded || pointee.dropsArrivals { callForAttention() }
        let isResumed = pointee.oneSided?.pointee.isBeginningRead == false
        if isResumed, pointee.inbound.part == .head { resume() }
    }

    // MARK: Gets

    /// The peer wants to read by itself: the region stays until it says that it has.
    func getOffered(_ bytes: UnsafeRawBufferPointer, _ payloadByteCount: Int) {
        guard let fields = askedGet(bytes, payloadByteCount),
            let found = find(fields, byteCount: fields.words.2, of: fields.extentOfGet, .read)
        else { return }
        guard let region = found.region else { return answer(fields.first, found.status) }
        guard !pointee.offersHandles, let base = region.pointee.base,
            let name = expose(base + Int(fields.words.1), Int(fields.words.2))
        else { return answer(fields.first, .unsupported) }
        guard let hold = pointee.endpoint?.takeRequest() else { return violate(.tooManyRequests) }
        hold.pointee.isOwnedByEngine = true
        hold.pointee.role = .hold
        hold.pointee.connection = self
        hold.pointee.partNumber = fields.first
        hold.pointee.owner = UnsafeMutableRawPointer(region)
        hold.pointee.trailer.0 = name
        region.retain()
        makeOneSided().pointee.holds.append(hold)
        makeOneSided().pointee.holdCount += 1
        answer(fields.first, .done, value: name)
    }

    /// The peer has read what it was told of.
    func getFinished(_ bytes: UnsafeRawBufferPointer, _ payloadByteCount: Int) {
        guard payloadByteCount == 0, let fields = OperationFields(bytes, wordCounts: 0...0) else {
            return violate(.malformedOperation)
        }
        pointee.inbound.part = .head
        guard let oneSided = pointee.oneSided, let hold = oneSided.pointee.holds.find(fields.first) else {
            return violate(.unexpectedAnswer)
        }
        oneSided.pointee.holds.remove(hold)
        oneSided.pointee.holdCount -= 1
        conceal(hold.pointee.trailer.0)
        hold.complete(.succeeded)
    }

    /// The owner allows it and holds the memory: reads a part of a get.
    func read(_ part: UnsafeMutablePointer<RequestSlot>, from address: UInt64) {
        pointee.reading.append(part)
        guard let channel = pointee.channel, let read = pointee.operations?.pointee.read,
            let target = part.pointee.payload
        else { return partRead(part, ENOTSUP) }
        let error = read(
            channel, target, address, UInt64(part.pointee.payloadByteCount), UInt64(UInt(bitPattern: part)))
        if error != 0 { partRead(part, error) }
    }

    func partRead(_ part: UnsafeMutablePointer<RequestSlot>, _ error: Int32) {
        pointee.reading.remove(part)
        guard let oneSided = pointee.oneSided else { return }
        let isLost = error == ECONNRESET || error == ESRCH || error == ENOTCONN
        // The connection's end, which is near, tells why.
        if isLost { return oneSided.pointee.awaitingAnswer.append(part) }
        guard let last = pointee.endpoint?.takeRequest() else { return violate(.tooManyRequests) }
        last.pointee.isOwnedByEngine = true
        last.pointee.role = .control
        last.pointee.connection = self
        last.writeFrame(.getFinished, (part.pointee.partNumber, 0), wordCount: 0, (0, 0, 0), payloadByteCount: 0)
        enqueueControl(last)
        if error == 0 {
            flush()
            return finish(part, .done)
        }
        getByMessages(part)
    }

    /// A part that cannot be read goes through the stream, as all later ones do.
    func getByMessages(_ part: UnsafeMutablePointer<RequestSlot>) {
        guard let oneSided = pointee.oneSided else { return }
        oneSided.pointee.cannotRead = true
        oneSided.pointee.lastNumber &+= 1
        part.rewriteAsGet(oneSided.pointee.lastNumber)
        enqueueControl(part)
        flush()
    }
}

extension UnsafeMutablePointer<RequestSlot> {
    fileprivate func rewriteAsGet(_ number: UInt32) {
        let region = UInt32(truncatingIfNeeded: UInt64(bigEndian: pointee.frame.1))
        let words = (
            UInt64(bigEndian: pointee.trailer.0), UInt64(bigEndian: pointee.trailer.1),
            UInt64(pointee.payloadByteCount)
        )
        pointee.partNumber = number
        pointee.sentByteCount = 0
        let extent = (UInt64(bigEndian: pointee.more.0), UInt64(bigEndian: pointee.more.1), UInt64(0), UInt64(0))
        writeFrame(
            .get, (number, region), wordCount: 3 + pointee.moreByteCount / 8, words, extent, payloadByteCount: 0)
    }
}
