import CHandfast
import CSystem
import Glibc

@c(handfast_shm_read) func sharedMemoryRead(
    _ state: UnsafeMutableRawPointer?, _ destination: UnsafeMutableRawPointer?, _ source: UInt64, _ byteCount: UInt64,
    _ token: UInt64
) -> Int32 {
    let channel = unsafe state!.assumingMemoryBound(to: SharedMemoryChannel.self)
    guard unsafe channel.pointee.link.peerMemory.obstacle == nil else { return ENOTSUP }
    guard unsafe channel.pointee.phase == .open || channel.pointee.phase == .paused else { return ENOTCONN }
    guard let destination = unsafe destination, !source.addingReportingOverflow(byteCount).overflow else {
        return EINVAL
    }
    unsafe SharedMemoryState.findPeerHeap(channel)
    var read = unsafe PendingRead(
        channel: channel, destination: destination, source: source, byteCount: byteCount, token: token)
    let transport = unsafe channel.pointee.transport
    // Reads end in the order in which they began, but for those that wait for what their peer writes.
    if unsafe transport.pointee.firstRead == nil, let error = unsafe read.proceed() {
        unsafe channel.pointee.engine.pointee.read_done(channel.pointee.connection, token, error)
        return 0
    }
    let pending = UnsafeMutablePointer<PendingRead>.allocate(capacity: 1)
    unsafe pending.initialize(to: read)
    if let last = unsafe transport.pointee.lastRead {
        unsafe last.pointee.next = pending
    } else {
        unsafe transport.pointee.firstRead = pending
    }
    unsafe transport.pointee.lastRead = pending
    return 0
}

@c(handfast_shm_read_is_sooner) func sharedMemoryReadIsSooner(
    _ state: UnsafeMutableRawPointer?, _ address: UInt64, _ byteCount: UInt64, _ isOwn: Int32
) -> Int32 {
    let channel = unsafe state!.assumingMemoryBound(to: SharedMemoryChannel.self)
    guard isOwn != 0 else {
        unsafe SharedMemoryState.findPeerHeap(channel)
        // Never later than through the channel when it is so long.
        if unsafe channel.pointee.peerHeap.find(address, byteCount) != nil { return 1 }
        return unsafe SharedMemoryChannel.choice(of: channel).pointee.reads(
            byteCount, isInHeap: false, wishes: csystem_load(channel.pointee.mine.wishes)) ? 1 : 0
    }
    let isInHeap = unsafe channel.pointee.transport.pointee.heap.takeUnretainedValue().contains(address)
    let wishes = unsafe csystem_load(channel.pointee.peers.wishes)
    return unsafe SharedMemoryChannel.choice(of: channel).pointee.reads(
        byteCount, isInHeap: isInHeap, wishes: wishes) ? 1 : 0
}

extension SharedMemoryState {
    /// Goes on with the first reads of the list; returns how many it worked on.
    static func continueReads(_ transport: UnsafeMutablePointer<SharedMemoryState>) -> UInt32 {
        var count: UInt32 = 0
        while let pending = unsafe transport.pointee.firstRead {
            guard unsafe transport.pointee.readBudget > 0 else { break }
            let end = unsafe pending.pointee.proceed()
            // To find that the peer still writes is to do nothing: who waits yields to it.
            let isWaiting = unsafe pending.pointee.isWaiting
            count += isWaiting ? 0 : 1
            guard let error = end else {
                // Those of other peers need not wait with it.
                guard isWaiting, unsafe transport.pointee.putLast(pending) else { break }
                continue
            }
            let channel = unsafe pending.pointee.channel
            let token = unsafe pending.pointee.token
            unsafe transport.pointee.remove(pending, after: nil)  // Before the callback, which may change the list.
            unsafe channel.pointee.engine.pointee.read_done(channel.pointee.connection, token, error)
        }
        return count
    }

    /// Ends all reads of a channel with an error.
    static func failReads(of channel: Channel, _ error: Int32) {
        let transport = unsafe channel.pointee.transport
        while let token = unsafe transport.pointee.takeRead(of: channel) {
            unsafe channel.pointee.engine.pointee.read_done(channel.pointee.connection, token, error)
            guard unsafe channel.pointee.phase != .closed else { return }
        }
    }

    /// Forgets all reads of a channel that the engine has closed.
    static func dropReads(of channel: Channel) {
        let transport = unsafe channel.pointee.transport
        while unsafe transport.pointee.takeRead(of: channel) != nil {}
    }

    private mutating func takeRead(of channel: Channel) -> UInt64? {
        var before: UnsafeMutablePointer<PendingRead>?
        var next = unsafe firstRead
        while let pending = unsafe next {
            if unsafe pending.pointee.channel == channel {
                let token = unsafe pending.pointee.token
                unsafe pending.pointee.abandon()
                unsafe remove(pending, after: before)
                return token
            }
            unsafe before = pending
            unsafe next = pending.pointee.next
        }
        return nil
    }

    /// - Returns: false when it waited in this poll already.
    private mutating func putLast(_ pending: UnsafeMutablePointer<PendingRead>) -> Bool {
        guard unsafe pending.pointee.waited != pollCount else { return false }
        unsafe pending.pointee.waited = pollCount
        guard unsafe lastRead != pending else { return true }
        unsafe firstRead = pending.pointee.next
        unsafe pending.pointee.next = nil
        unsafe lastRead!.pointee.next = pending
        unsafe lastRead = pending
        return true
    }

    private mutating func remove(
        _ pending: UnsafeMutablePointer<PendingRead>, after before: UnsafeMutablePointer<PendingRead>?
    ) {
        if let before = unsafe before {
            unsafe before.pointee.next = pending.pointee.next
        } else {
            unsafe firstRead = pending.pointee.next
        }
        if unsafe lastRead == pending { unsafe lastRead = before }
        unsafe pending.deallocate()
    }
}
