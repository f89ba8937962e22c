import CSystem

extension UnsafeMutablePointer<RequestSlot> {
    // Hot path.
    func wants(_ userHeader: UnsafeRawBufferPointer, from connection: UnsafeMutablePointer<ConnectionSlot>) -> Bool {
        if pointee.tagMask != 0, MessageTag.read(userHeader) & pointee.tagMask != pointee.tag { return false }
        guard let match = pointee.match else { return true }
        return match(
            pointee.matchContext, connection, connection.pointee.generation, userHeader.baseAddress, userHeader.count)
    }

    // Hot path.
    /// A message is this receive's: its sizes and user header are noted, the payload follows.
    @inline(__always)
    func matched(
        _ connection: UnsafeMutablePointer<ConnectionSlot>, _ userHeader: UnsafeRawBufferPointer,
        _ payloadByteCount: Int
    ) {
        pointee.connection = connection
        pointee.connectionGeneration = connection.pointee.generation
        pointee.arrivedHeaderByteCount = userHeader.count
        pointee.arrivedPayloadByteCount = payloadByteCount
        let room = Swift.min(userHeader.count, pointee.userHeaderByteCount)
        if room > 0, let start = userHeader.baseAddress, let target = pointee.userHeader {
            csystem_copy(target, start, UInt64(room))
        }
    }

    // Hot path.
    /// All of the payload that fits is where it belongs.
    func completeReceive() {
        let isHeaderCut = pointee.userHeader != nil && pointee.arrivedHeaderByteCount > pointee.userHeaderByteCount
        let isCut = isHeaderCut || pointee.arrivedPayloadByteCount > pointee.payloadByteCount
        complete(isCut ? .truncated : .succeeded)
    }

    // Hot path.
    /// The last thing that happens to a request; it is in no queue any more.
    func complete(_ outcome: RequestSlot.Outcome, systemError: Int32 = 0) {
        pointee.outcome = outcome
        pointee.systemError = systemError
        if pointee.ownsMatchContext { releaseMatchContext() }
        if pointee.memory != nil { releaseMemory() }
        if pointee.isOwnedByEngine {
            // Of a flush whose queue was closed.
            pointee.reason?.release()
            pointee.reason = nil
            if let owner = pointee.owner { letGo(of: owner) }
            return giveBack()
        }
        guard pointee.isDirected else { return }
        if let queue = pointee.completionQueue {
            queue.pointee.done.append(self)
        } else {
            pointee.endpoint?.pointee.callbacks.append(self)
        }
    }

    private func letGo(of owner: UnsafeMutableRawPointer) {
        switch pointee.role {
        case .operationAnswer, .hold: owner.assumingMemoryBound(to: RegionSlot.self).release()
        case .flush:
            let whole = owner.assumingMemoryBound(to: RequestSlot.self)
            whole.pointee.partCount -= 1
            guard whole.pointee.partCount == 0 else { return }
            whole.complete(whole.pointee.reason == nil ? .succeeded : .connectionEnded)
        case .message, .pull, .payloadAnswer, .control, .operation, .operationPart, .putRead: break
        }
    }

    /// The connection is gone before the work was done.
    func fail(_ reason: EndReason) {
        if !pointee.isOwnedByEngine { pointee.reason = Unmanaged.passRetained(reason) }
        if pointee.role == .flush, pointee.isOwnedByEngine, let owner = pointee.owner {
            let whole = owner.assumingMemoryBound(to: RequestSlot.self)
            if whole.pointee.reason == nil { whole.pointee.reason = Unmanaged.passRetained(reason) }
        }
        complete(.connectionEnded)
    }

    /// Ends a request whose result nobody takes.
    func discard() {
        pointee.reason?.release()
        pointee.reason = nil
        if pointee.ownsMatchContext { releaseMatchContext() }
        pointee.memory?.deallocate()
        pointee.callback?.release()
        giveBack()
    }

    /// Makes every handle to it stale.
    func giveBack() { pointee.endpoint?.pointee.requests.give(self) }

    private func releaseMatchContext() {
        pointee.ownsMatchContext = false
        pointee.matchContext.map { Unmanaged<AnyObject>.fromOpaque($0).release() }
        pointee.matchContext = nil
    }
}
