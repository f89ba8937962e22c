import CSystem

// Hot path.
@c(handfast_shm_poll) func sharedMemoryPoll(_ state: UnsafeMutableRawPointer?) -> UInt32 {
    let transport = unsafe state!.assumingMemoryBound(to: SharedMemoryState.self)
    unsafe transport.pointee.isPolling = true
    unsafe transport.pointee.pollCount &+= 1
    unsafe transport.pointee.readBudget = SharedMemoryState.readBudget
    unsafe transport.pointee.helpBudget = SharedMemoryState.readBudget
    if unsafe transport.pointee.isArmed { unsafe SharedMemoryState.disarm(transport) }
    unsafe SharedMemoryState.announce(transport)
    var count: UInt32 = 0
    var index = 0
    // A callback may close a channel and so shorten the list.
    while unsafe index < transport.pointee.hotCount {
        unsafe count &+= SharedMemoryChannel.receiveHot(transport.pointee.hot[index]!)
        index += 1
    }
    if let channel = unsafe transport.pointee.waiting { unsafe count &+= SharedMemoryChannel.reportRoom(channel) }
    if unsafe transport.pointee.doorbell.isRung { unsafe count &+= answerDoorbell(transport) }
    if unsafe transport.pointee.firstRead != nil { unsafe count &+= SharedMemoryState.continueReads(transport) }
    unsafe SharedMemoryState.announce(transport)
    unsafe transport.pointee.isPolling = false
    while let channel = unsafe transport.pointee.closed {
        unsafe transport.pointee.closed = channel.pointee.nextClosed
        unsafe SharedMemoryChannel.destroy(channel)
    }
    return count
}

/// Looks at every connection whose bit is set; bits of no connection are a peer's fancy.
private func answerDoorbell(_ transport: UnsafeMutablePointer<SharedMemoryState>) -> UInt32 {
    var count: UInt32 = 0
    var summary = unsafe transport.pointee.doorbell.takeSummary()
    while let high = summary.popBit() {
        var words = unsafe transport.pointee.doorbell.takeIndex(high)
        while let low = words.popBit() {
            let word = high * 64 + low
            var bits = unsafe transport.pointee.doorbell.takeBits(ofWord: word)
            while let bit = bits.popBit() {
                guard let channel = unsafe transport.pointee.slots[word * 64 + bit] else { continue }
                unsafe count &+= answer(channel)
            }
        }
    }
    return count
}

extension UInt64 {
    /// Clears the lowest set bit and returns its number; nil when none is set.
    fileprivate mutating func popBit() -> Int? {
        guard self != 0 else { return nil }
        let bit = trailingZeroBitCount
        self &= self - 1
        return bit
    }
}

private func answer(_ channel: SharedMemoryChannel.Pointer) -> UInt32 {
    let wasActive = unsafe channel.pointee.lastActive
    // Read before the ring: what is in the ring afterwards is the last.
    let isLast = unsafe csystem_load_acquire(channel.pointee.peers.closed) != 0
    // Room counts too: who is told that nothing was there may go to sleep instead of sending.
    let rooms = unsafe SharedMemoryChannel.reportRoom(channel)
    let count = unsafe SharedMemoryChannel.receive(channel, limit: SharedMemoryChannel.packetLimit)
    guard unsafe channel.pointee.phase == .open else { return rooms + count }
    if count > 0 { unsafe SharedMemoryState.warm(channel, wasActive: wasActive) }
    // A ring that is not hot is not looked at again until the peer rings.
    if unsafe !channel.pointee.isHot, unsafe channel.pointee.uncheckedLineCount > 0 {
        unsafe SharedMemoryChannel.offerRoom(channel)
    }
    if unsafe count == SharedMemoryChannel.packetLimit {
        unsafe SharedMemoryChannel.ringOwn(channel)
    } else if isLast {
        unsafe SharedMemoryChannel.end(channel, 0)
    }
    return rooms + count
}
