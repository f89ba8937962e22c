import CHandfast
import Glibc
import Logging
import Precon
import TransportAPI

// How connections end: in order, by a fault, or because the peer vanished.

extension Engine {
    /// Looks at what the data path noted of a connection, and goes on from there.
    func settle(_ record: ConnectionRecord) {
        guard !record.isEnded else { return }
        let slot = record.slot
        if case .onDemand = record.phase {
            if slot.hasWork { demand(slot) }
            return
        }
        if let violation = slot.pointee.violation {
            return end(record, breach(record, violation.text))
        }
        if slot.pointee.hasPeerEnded { slot.endOperations(EndReason(record.endReason)) }
        if slot.pointee.hasPeerEnded || record.isClosedByUser, !slot.mustStay { sayGoodbye(record) }
        if slot.pointee.hasPeerEnded, slot.pointee.hasSentEnd {
            let error = record.isClosedByUser ? nil : HandfastError(.closed, "\(record.peerText) closed the connection")
            return end(record, error)
        }
        if slot.pointee.hasPeerEnded { failReceives(slot, EndReason(record.endReason)) }
        if slot.pointee.hasChannelEnded { end(record, gone(record, record.channelError)) }
    }

    /// The user closes: what was sent still goes out.
    func close(_ record: ConnectionRecord) {
        guard !record.isClosedByUser else { return }
        record.isClosedByUser = true
        record.slot.pointee.takesSends = false
        forget(record.slot)
        events.forget(record)
        incoming.removeAll { $0 === record }
        let early = "the connection was closed before it was up"
        switch record.phase {
        case .resolving(let resolution):
            resolution.abandon()
            end(record, HandfastError(.closed, early))
        case .dialing(let dial):
            dial.reject(Rejection(.shuttingDown, early))
            end(record, HandfastError(.closed, early))
        case .connecting(let driver):
            record.slot.pointee.dropsArrivals = true
            record.error = HandfastError(.closed, early)
            driver.reject(.init(.shuttingDown, early))
        case .connected:
            // A next incarnation of the peer may be on its way in.
            record.association?.withdraw()
            let reason = EndReason(record.endReason)
            failReceives(record.slot, reason)
            record.slot.dropArrivals(reason)
            leave(record)
        case .onDemand:
            record.association?.withdraw()
            end(record, HandfastError(.closed, early))
        case .ended: free(record)
        }
    }

    /// The same for any connection, also one on demand that was never used and has no record.
    func close(_ slot: UnsafeMutablePointer<ConnectionSlot>) {
        if let record = slot.record { return close(record) }
        forget(slot)
        failAll(slot, EndReason(HandfastError(.closed, "the connection was closed")))
        giveBack(slot)
    }

    /// Says goodbye as soon as nothing keeps us.
    func leave(_ record: ConnectionRecord) {
        guard record.slot.mustStay else { return sayGoodbye(record) }
        record.closeDeadline = .now + settings.closeTimeout
        watchEnd(of: record)
    }

    /// Queues our last message and gives the peer's a deadline.
    func sayGoodbye(_ record: ConnectionRecord) {
        guard !record.hasQueuedEnd else { return }
        record.hasQueuedEnd = true
        record.slot.pointee.isLeaving = true
        record.slot.pointee.takesSends = false
        record.closeDeadline = .now + settings.closeTimeout
        watchEnd(of: record)
        record.slot.sendControl(.end)
    }

    func checkEnding(_ record: ConnectionRecord, _ now: ContinuousClock.Instant) {
        guard !record.isEnded else { return unwatchEnd(of: record) }
        if let deadline = record.closeDeadline, deadline <= now {
            let why = "it \(Self.lack(record)) within \(settings.closeTimeout) (HANDFAST_CLOSE_TIMEOUT_MS)"
            logger.warning(
                "connection not closed in order", metadata: ["peer": "\(record.peerText)", "reason": "\(why)"])
            return end(record, HandfastError(.timeout, "\(record.peerText) was given up in closing: \(why)"))
        }
        // The last bytes of a peer may still lie in memory that it shared: gone is who has sent nothing more.
        guard let deliveries = record.deliveriesAtLifelineEnd else { return }
        if deliveries == record.slot.pointee.deliveryCount { return end(record, gone(record, 0)) }
        record.deliveriesAtLifelineEnd = record.slot.pointee.deliveryCount
    }

    /// What the peer left undone, so that a goodbye came to nothing.
    private static func lack(_ record: ConnectionRecord) -> String {
        if !record.hasQueuedEnd { return "did not take or answer what was under way, so that we said no goodbye," }
        return record.slot.pointee.hasSentEnd ? "did not answer our goodbye" : "took nothing more, our goodbye neither,"
    }

    /// The handshake's socket, kept as a sign of life, has something to say: as a rule that the peer is gone.
    func lifelineIsReady(_ record: ConnectionRecord) {
        guard let socket = record.lifeline?.number, let watch = record.lifelineWatch else { return }
        let isAlive = withUnsafeTemporaryAllocation(byteCount: 256, alignment: 1) { buffer in
            let count = recv(socket, buffer.baseAddress, buffer.count, Int32(MSG_DONTWAIT))
            return count > 0 || (count < 0 && (errno == EAGAIN || errno == EINTR))
        }
        guard !isAlive else { return }
        watches.remove(watch, socket)
        record.lifelineWatch = nil
        // Before the poll: what it brings may not be all.
        record.deliveriesAtLifelineEnd = record.slot.pointee.deliveryCount
        _ = state.pointee.pollTransports()
        watchEnd(of: record)
    }

    /// The peer's fault, for the log and for its requests.
    private func breach(_ record: ConnectionRecord, _ rule: String, systemError: Int32 = 0) -> HandfastError {
        logger.warning("connection dropped", metadata: ["peer": "\(record.peerText)", "reason": "\(rule)"])
        return HandfastError(
            .rejected, "\(record.peerText) broke a rule of the data path: \(rule)", systemError: systemError)
    }

    private func gone(_ record: ConnectionRecord, _ systemError: Int32) -> HandfastError {
        if record.slot.pointee.hasPeerEnded {
            return HandfastError(.closed, "\(record.peerText) closed the connection")
        }
        if let reason = record.channelReason {
            return HandfastError(.peerLost, "\(record.peerText) cannot be reached: \(reason)", systemError: systemError)
        }
        // What a transport says of bytes or control words that make no sense.
        if systemError == EPROTO {
            let transport = Connection(record.slot).transport ?? "its transport"
            return breach(record, "what it wrote for \(transport) makes no sense", systemError: EPROTO)
        }
        let why = systemError == 0 ? "without a goodbye" : "(\(String(cString: strerror(systemError))))"
        return HandfastError(
            .peerLost, "\(record.peerText) vanished \(why); it crashed, was killed, or cannot be reached any more",
            systemError: systemError)
    }

    /// The last thing that happens to a connection: every request on it ends.
    func end(_ record: ConnectionRecord, _ error: HandfastError?) {
        guard !record.isEnded else { return }
        let slot = record.slot
        if case .connected = record.phase, let channel = slot.pointee.channel {
            slot.pointee.operations?.pointee.close(channel)
        }
        record.phase = .ended
        record.error = record.association == nil ? record.error ?? error : error ?? record.error
        slot.pointee.channel = nil
        slot.pointee.takesSends = false
        slot.pointee.inbound.part = .ignored
        if let watch = record.lifelineWatch, let socket = record.lifeline?.number { watches.remove(watch, socket) }
        record.lifelineWatch = nil
        record.lifeline = nil
        unwatchEnd(of: record)
        failAll(slot, EndReason(record.endReason))
        if !record.isClosedByUser, slot.pointee.isKnownToUser { tellEnd(of: record) }
        if record.association != nil, !record.isClosedByUser {
            sleep(record)
            record.association?.ended()
            return
        }
        // Nobody knows it, and it left nothing to be received.
        let isForgotten = !slot.pointee.isKnownToUser && slot.pointee.unexpected.first == nil
        if isForgotten { incoming.removeAll { $0 === record } }
        if record.isClosedByUser || isForgotten { free(record) }
    }

    func tellEnd(of record: ConnectionRecord) {
        events.add(ConnectionEvent(connection: Connection(record.slot), reason: record.endReason), of: record)
    }

    private func failReceives(_ slot: UnsafeMutablePointer<ConnectionSlot>, _ reason: EndReason) {
        while let request = slot.pointee.posted.removeFirst() { request.fail(reason) }
    }

    func failAll(_ slot: UnsafeMutablePointer<ConnectionSlot>, _ reason: EndReason) {
        failReceives(slot, reason)
        while let request = slot.dequeueFirst() { request.fail(reason) }
        while let request = slot.pointee.awaitingFinish.removeFirst() {
            state.pointee.offeredByteCount -= request.pointee.payloadByteCount
            // The peer had all of it.
            if request.pointee.isReleasedByPeer { request.complete(.succeeded) } else { request.fail(reason) }
        }
        while let request = slot.pointee.reading.removeFirst() { request.fail(reason) }
        slot.pointee.inbound.request?.fail(reason)
        slot.pointee.inbound.request = nil
        slot.pointee.inbound.message = nil
        slot.dropPulls()
        slot.dropOneSided(reason)
        // Whole messages may still be received; those whose payload is not here never will be.
        var message = slot.pointee.unexpected.first
        while let candidate = message {
            message = candidate.pointee.next
            if case .kept = candidate.pointee.content { continue }
            slot.remove(candidate)
            candidate.free(at: state)
        }
        slot.failTaken(reason)
    }
}

extension UnsafeMutablePointer<ConnectionSlot> {
    /// Something goes on for which our goodbye must wait.
    fileprivate var mustStay: Bool {
        // The peer keeps its memory for us to read until we say goodbye too.
        if pointee.unexpected.hasRemote || pointee.taken.hasRemote || !pointee.reading.isEmpty { return true }
        if hasOperations { return true }
        // Payloads that the peer asks for go out before our last message; after its own it asks for none.
        guard !pointee.hasPeerEnded else { return false }
        let asksByMessages = pointee.credit.isCounted || pointee.offersHandles && pointee.rendezvousByteCount < .max
        return asksByMessages && (!pointee.awaitingFinish.isEmpty || !pointee.sendQueue.isEmpty)
    }
}

extension ConnectionSlot.Violation {
    var text: String {
        switch self {
        case .malformedRendezvous: "a rendezvous message of the wrong size"
        case .unknownRendezvous: "the end of a rendezvous that was never asked for"
        case .unfinishedRendezvous: "a payload refused while it was being answered"
        case .malformedRead: "a request to read of the wrong size"
        case .unknownRead: "a request to read what no open rendezvous offers"
        case .tooManyReads: "more requests to read one payload than are allowed"
        case .unexpectedAnswer: "an answer that was not asked for"
        case .malformedOperation: "a one-sided operation of the wrong size"
        case .partOutsideOperation: "a part that lies outside its one-sided operation"
        case .tooManyOperations: "more one-sided operations without an answer than are allowed"
        case .tooManyRequests: "more messages than can be kept"
        case .malformedCredit: "a message of credit of the wrong size"
        case .tooLittleCredit: "a message that it had no credit for"
        case .tooMuchCredit: "more credit than is allowed"
        }
    }
}
