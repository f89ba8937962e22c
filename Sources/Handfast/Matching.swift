import CHandfast
import Glibc

// Which receive takes which message: receives in the order in which they were posted, messages in the order in which
// they came; a receive from any connection competes with those from one.

extension UnsafeMutablePointer<ConnectionSlot> {
    // Hot path.
    /// A message whose payload follows in the stream.
    func arrive(_ userHeader: UnsafeRawBufferPointer, payloadByteCount: Int) {
        if pointee.dropsArrivals {
            skipPayload(payloadByteCount)
            pass(Credit.cost(userHeader.count, payloadByteCount), payloadByteCount: payloadByteCount)
        } else if let request = takePosted(userHeader) {
            receive(request, userHeader, payloadByteCount)
            pass(Credit.cost(userHeader.count, payloadByteCount), payloadByteCount: payloadByteCount)
        } else {
            keep(userHeader, payloadByteCount)
        }
    }

    // Hot path.
    /// Takes the oldest receive that wants a message with this header out of its queue.
    @inline(__always)
    func takePosted(_ userHeader: UnsafeRawBufferPointer) -> UnsafeMutablePointer<RequestSlot>? {
        guard let endpoint = pointee.endpoint else { return nil }
        var own = pointee.posted.first
        var any = endpoint.pointee.posted.first
        while let candidate = own.older(than: any) ?? any {
            let isOwn = candidate == own
            if candidate.wants(userHeader, from: self) {
                if isOwn { pointee.posted.remove(candidate) } else { endpoint.pointee.posted.remove(candidate) }
                candidate.pointee.isQueued = false
                return candidate
            }
            if isOwn { own = candidate.pointee.next } else { any = candidate.pointee.next }
        }
        return nil
    }

    // Hot path.
    private func receive(
        _ request: UnsafeMutablePointer<RequestSlot>, _ userHeader: UnsafeRawBufferPointer, _ payloadByteCount: Int
    ) {
        request.matched(self, userHeader, payloadByteCount)
        let room = Swift.min(payloadByteCount, request.pointee.payloadByteCount)
        pointee.inbound.request = request
        expectPayload(at: request.pointee.payload, byteCount: room, surplus: payloadByteCount - room)
    }

    /// No receive wants it yet: its payload is kept within the bound, else it waits in the stream.
    func keep(_ userHeader: UnsafeRawBufferPointer, _ payloadByteCount: Int) {
        guard charge(Credit.cost(userHeader.count, payloadByteCount), payloadByteCount: payloadByteCount) else {
            return
        }
        let kept = mayHold(userHeader.count + payloadByteCount) ? payloadByteCount : 0
        let isStalled = kept < payloadByteCount || !mayHold(userHeader.count)
        let message = UnsafeMutablePointer<UnexpectedMessage>.make(
            connection: self, userHeader: userHeader, payloadByteCount: payloadByteCount, keptByteCount: kept,
            content: isStalled ? .stalled : .arriving)
        guard let message else { return violate(.tooManyRequests) }
        append(message)
        pointee.inbound.message = message
        if isStalled {
            pointee.inbound.part = .stalled
            pointee.endpoint?.pointee.hasStalled = true
        } else {
            expectPayload(at: message.payload, byteCount: payloadByteCount, surplus: 0)
        }
    }

    /// Whether so much may be held: what a peer sends within its credit always, of others what is within the bound.
    func mayHold(_ byteCount: Int) -> Bool { pointee.credit.isCounted || hasRoom(byteCount) }

    private func hasRoom(_ byteCount: Int) -> Bool {
        guard let endpoint = pointee.endpoint else { return false }
        return byteCount <= endpoint.pointee.unexpectedByteLimit - endpoint.pointee.unexpectedByteCount
            && byteCount <= endpoint.pointee.unexpectedByteLimitPerConnection - pointee.unexpectedByteCount
    }

    func append(_ message: UnsafeMutablePointer<UnexpectedMessage>) {
        pointee.unexpected.append(message)
        pointee.endpoint?.pointee.arrivals.append(message)
        pointee.unexpectedByteCount += message.pointee.heldByteCount
        pointee.endpoint?.pointee.unexpectedByteCount += message.pointee.heldByteCount
        pointee.endpoint?.noteForHandler(message)
    }

    func remove(_ message: UnsafeMutablePointer<UnexpectedMessage>) {
        if let handle = message.pointee.handle {
            pointee.taken.remove(message)
            handle.pointee.message = nil
        } else {
            pointee.unexpected.remove(message)
            pointee.endpoint?.pointee.arrivals.remove(message)
        }
        pointee.unexpectedByteCount -= message.pointee.heldByteCount
        release(message.pointee.cost)
        guard let endpoint = pointee.endpoint else { return }
        endpoint.pointee.unexpectedByteCount -= message.pointee.heldByteCount
        if endpoint.pointee.hasStalled { endpoint.pointee.callsUntilSlowPart = 0 }
    }

    /// The same message with other room takes the place of one.
    func replace(
        _ message: UnsafeMutablePointer<UnexpectedMessage>, by other: UnsafeMutablePointer<UnexpectedMessage>
    ) {
        if let handle = message.pointee.handle {
            pointee.taken.replace(message, by: other)
            handle.pointee.message = other
            other.pointee.handle = handle
        } else {
            pointee.unexpected.replace(message, by: other)
            pointee.endpoint?.pointee.arrivals.replace(message, by: other)
        }
        let more = other.pointee.heldByteCount - message.pointee.heldByteCount
        pointee.unexpectedByteCount += more
        pointee.endpoint?.pointee.unexpectedByteCount += more
    }

    /// Gives a message that came earlier to a receive that wants it.
    func hand(_ message: UnsafeMutablePointer<UnexpectedMessage>, to request: UnsafeMutablePointer<RequestSlot>) {
        let payloadByteCount = message.pointee.payloadByteCount
        request.matched(self, message.userHeaderBytes, payloadByteCount)
        let room = Swift.min(payloadByteCount, request.pointee.payloadByteCount)
        var isResumed = false
        switch message.pointee.content {
        case .kept:
            message.copyPayload(to: request)
            request.completeReceive()
        case .arriving:
            // What is here moves over; the rest goes straight to the receive.
            let here = payloadByteCount - pointee.inbound.remaining
            let moved = Swift.min(here, room)
            if moved > 0, let target = request.pointee.payload { memcpy(target, message.payload, moved) }
            pointee.inbound.message = nil
            pointee.inbound.request = request
            expectPayload(
                at: request.pointee.payload.map { $0 + moved }, byteCount: room - moved,
                surplus: payloadByteCount - Swift.max(here, room))
        case .stalled:
            pointee.inbound.message = nil
            pointee.inbound.request = request
            expectPayload(at: request.pointee.payload, byteCount: room, surplus: payloadByteCount - room)
            isResumed = true
        case .remote(let address, let rendezvous):
            isResumed = isHeldBack(by: message)
            if isResumed { skipPayload(0) }
            read(into: request, from: address, byteCount: room, rendezvous: rendezvous)
        }
        remove(message)
        message.free(at: pointee.endpoint)
        if pointee.hasPeerEnded { callForAttention() }
        if isResumed { resume() }
    }

    /// Whether the stream waits for a receive of this message, or for room.
    func isHeldBack(by message: UnsafeMutablePointer<UnexpectedMessage>) -> Bool {
        pointee.inbound.part == .stalled && pointee.inbound.message == message
    }

    /// Forgets the messages that nobody has received, and passes over those that still come.
    /// - Parameter reason: for those that the program took and that are not here.
    func dropArrivals(_ reason: EndReason) {
        pointee.dropsArrivals = true
        var isResumed = false
        if let message = pointee.inbound.message { isResumed = passOver(message) }
        while let message = pointee.unexpected.first {
            let content = message.pointee.content
            remove(message)
            message.free(at: pointee.endpoint)
            giveUp(content)
        }
        failTaken(reason)
        dropHeldNotification()
        if isResumed { resume() }
    }

    /// The sender of a payload that stayed with it waits for us with its goodbye, as we may for it.
    func giveUp(_ content: UnexpectedMessage.Content) {
        guard case .remote(_, let rendezvous) = content, pointee.channel != nil, pointee.credit.isCounted,
            !isSayingGoodbye
        else { return }
        sendControl(.rendezvousRefused, rendezvous)
    }

    /// Nobody wants a message that may still be coming: what is missing of it is skipped.
    /// - Returns: whether it held the stream back, so that the transport is to `resume`.
    func passOver(_ message: UnsafeMutablePointer<UnexpectedMessage>) -> Bool {
        guard message == pointee.inbound.message else { return false }
        guard pointee.violation == nil else {
            pointee.inbound.message = nil
            return false
        }
        let isResumed = isHeldBack(by: message)
        let isWhole = isResumed && !message.pointee.isRemote
        let rest = isWhole ? message.pointee.payloadByteCount : pointee.inbound.remaining
        skipPayload(message.pointee.isRemote ? 0 : rest)
        return isResumed
    }

    /// The transport may deliver again; it may do so before this returns.
    func resume() {
        guard let channel = pointee.channel, let operations = pointee.operations else { return }
        operations.pointee.resume(channel)
    }
}

extension UnsafeMutablePointer<EndpointState> {
    // Hot path.
    /// Posts a receive: takes the oldest message that it wants, or queues it.
    @inline(__always)
    func post(_ request: UnsafeMutablePointer<RequestSlot>, from connection: UnsafeMutablePointer<ConnectionSlot>?) {
        request.pointee.sequence = pointee.nextSequence
        pointee.nextSequence += 1
        let oldest = connection.map { $0.pointee.unexpected.first } ?? pointee.arrivals.first
        if let oldest, request.takesFirst(from: oldest, ofAll: connection == nil) { return }
        request.pointee.isQueued = true
        if let connection { connection.pointee.posted.append(request) } else { pointee.posted.append(request) }
    }

    /// Room came free: lets the messages that now fit out of their streams, oldest first.
    /// - Returns: whether one fitted.
    @discardableResult
    func admitStalled() -> Bool {
        pointee.hasStalled = false
        var hasAdmitted = false
        func admit(_ message: UnsafeMutablePointer<UnexpectedMessage>) {
            guard message.pointee.connection.isHeldBack(by: message) else { return }
            if message.pointee.connection.admit(message) {
                hasAdmitted = true
            } else {
                pointee.hasStalled = true
            }
        }
        // Those that the program took are older as a rule.
        var handle = pointee.taken.first
        while let candidate = handle {
            handle = candidate.pointee.next
            // Whole ones may be of a connection that is gone.
            if let message = candidate.pointee.message, !message.pointee.isWhole { admit(message) }
        }
        var message = pointee.arrivals.first
        while let candidate = message {
            message = candidate.pointee.nextArrival
            admit(candidate)
        }
        return hasAdmitted
    }
}

extension UnsafeMutablePointer<ConnectionSlot> {
    fileprivate func admit(_ stalled: UnsafeMutablePointer<UnexpectedMessage>) -> Bool {
        if stalled.pointee.isRemote {
            // It is kept already, and stays.
            guard hasRoom(0) else { return false }
            skipPayload(0)
            resume()
            return true
        }
        let byteCount = stalled.pointee.payloadByteCount
        guard hasRoom(byteCount) else { return false }
        let message = UnsafeMutablePointer<UnexpectedMessage>.make(
            connection: self, userHeader: stalled.userHeaderBytes, payloadByteCount: byteCount,
            keptByteCount: byteCount, content: .arriving)
        guard let message else { return false }
        replace(stalled, by: message)
        stalled.free(at: pointee.endpoint)
        pointee.inbound.message = message
        expectPayload(at: message.payload, byteCount: byteCount, surplus: 0)
        resume()
        return true
    }
}

extension UnsafeMutablePointer<RequestSlot> {
    /// Takes the oldest message that it wants, of all connections or of one.
    /// - Returns: false when it wants none.
    @inline(never)
    fileprivate func takesFirst(from oldest: UnsafeMutablePointer<UnexpectedMessage>, ofAll isOfAll: Bool) -> Bool {
        var message: UnsafeMutablePointer<UnexpectedMessage>? = oldest
        while let candidate = message {
            if wants(candidate.userHeaderBytes, from: candidate.pointee.connection) {
                candidate.pointee.connection.hand(candidate, to: self)
                return true
            }
            message = isOfAll ? candidate.pointee.nextArrival : candidate.pointee.next
        }
        return false
    }
}

extension UnsafeMutablePointer<RequestSlot>? {
    /// Self when it was posted before the other; nil when it was not, or there is none.
    fileprivate func older(than other: UnsafeMutablePointer<RequestSlot>?) -> UnsafeMutablePointer<RequestSlot>? {
        guard let self, let other, other.pointee.sequence < self.pointee.sequence else { return self }
        return nil
    }
}
