import CHandfast
import CSystem
import Glibc

/// Below this it is quicker to let the engine copy than to ask it for a place.
private let placeByteCount = 512
/// From so many packets in one poll on, lines are fetched ahead of their packets.
private let burstCount: UInt32 = 4

extension SharedMemoryChannel {
    /// Packets per connection and poll, so that one busy peer does not starve the others.
    static let packetLimit: UInt32 = 64

    // Hot path.
    /// Receives on a ring that is polled. A ring that brings one packet at a time is left alone after it: to look for
    /// a second one takes the line from the sender, which costs a quarter of the latency.
    static func receiveHot(_ channel: Pointer) -> UInt32 {
        let wasActive = unsafe channel.pointee.lastActive
        guard unsafe channel.pointee.comesInBursts else {
            let count = unsafe receive(channel, limit: 1)
            if count > 0 {
                unsafe channel.pointee.comesInBursts = channel.pointee.lastActive &- wasActive == 1
            } else if unsafe channel.pointee.uncheckedLineCount > 0 {
                // Only a poll that finds nothing looks for a waiting producer, so that a busy one needs no fence.
                unsafe offerRoom(channel)
            }
            return count
        }
        let count = unsafe receive(channel, limit: packetLimit)
        unsafe channel.pointee.comesInBursts = count > 1
        return count
    }

    // Hot path.
    /// Delivers what is in the ring, up to the limit. Returns how many packets; fewer than the limit on an open
    /// channel means that the ring is empty.
    @inline(__always)
    static func receive(_ channel: Pointer, limit: UInt32) -> UInt32 {
        var count: UInt32 = 0
        while count < limit, unsafe channel.pointee.phase == .open {
            let next: UnsafeRawBufferPointer?
            do throws(RingConsumer.Obstacle) { unsafe next = try channel.pointee.consumer.peek() } catch {
                count += 1
                guard unsafe overcome(error, channel) else { return count }
                continue
            }
            guard let packet = unsafe next else { break }
            count += 1
            // So many in a row: the sender is ahead, and does not want the line back.
            if count >= burstCount { unsafe channel.pointee.consumer.fetchAhead() }
            let isWhole = unsafe packet.count < placeByteCount && channel.pointee.takenByteCount == 0
            guard unsafe isWhole ? deliver(channel, packet, from: 0) : hand(channel, packet) else { break }
            let freed = unsafe channel.pointee.consumer.release(packet.count)
            unsafe channel.pointee.uncheckedLineCount &+= freed
            if unsafe channel.pointee.uncheckedLineCount >= PairMemory.lineCount / 4 { unsafe offerRoom(channel) }
        }
        if count > 0 { unsafe channel.pointee.lastActive = channel.pointee.transport.pointee.pollCount }
        return count
    }

    /// Returns whether to look again; else the channel has ended. Not inlined, so that what is around it is.
    @inline(never)
    private static func overcome(_ obstacle: RingConsumer.Obstacle, _ channel: Pointer) -> Bool {
        switch obstacle {
        case .corrupt:
            unsafe end(channel, EPROTO)
            return false
        case .offer:
            unsafe takeOffer(channel)
            unsafe channel.pointee.uncheckedLineCount &+= channel.pointee.consumer.release(0)
        case .needsBulk:
            guard let whole = unsafe channel.pointee.link.segment.mapWhole() else {
                unsafe end(channel, ENOMEM)
                return false
            }
            unsafe channel.pointee.consumer.bulk =
                whole + PairMemory.bulkOffset(of: channel.pointee.link.role, isOutgoing: false)
        }
        return true
    }

    /// Tells the peer of freed lines if it waits for them.
    ///
    /// No wish is missed: the producer writes its wish, fences, and looks at what is free; here what was freed comes
    /// first, then the fence, then the look at the wish. And freed lines never stay unlooked at: a hot ring is polled
    /// again until it is found empty, and all others are looked at when they stop being polled.
    static func offerRoom(_ channel: Pointer) {
        unsafe channel.pointee.uncheckedLineCount = 0
        csystem_fence()
        if unsafe csystem_load(channel.pointee.peers.wantsRoom) != 0 { unsafe ringPeer(channel) }
    }

    /// Reports the end, once; reads under way have failed with it.
    static func end(_ channel: Pointer, _ systemError: Int32) {
        unsafe channel.pointee.phase = .ended
        unsafe SharedMemoryChannel.stopWaiting(channel)
        unsafe SharedMemoryState.cool(channel)
        unsafe SharedMemoryState.failReads(of: channel, systemError == 0 ? ECONNRESET : systemError)
        guard unsafe channel.pointee.phase == .ended else { return }
        unsafe channel.pointee.engine.pointee.closed(channel.pointee.connection, systemError)
    }
}

// Hot path.
/// Gives a packet to the engine; false when it must stay in the ring, or the channel is no longer open.
private func hand(_ channel: SharedMemoryChannel.Pointer, _ packet: UnsafeRawBufferPointer) -> Bool {
    let connection = unsafe channel.pointee.connection
    let engine = unsafe channel.pointee.engine
    let start = unsafe channel.pointee.takenByteCount
    var offset = start
    unsafe channel.pointee.takenByteCount = 0
    // Only a peer that changes a packet after it was published can make it shorter than what was taken of it.
    guard offset <= packet.count else {
        unsafe SharedMemoryChannel.end(channel, EPROTO)
        return false
    }
    while offset < packet.count {
        let bytes = unsafe packet.baseAddress! + offset
        let rest = packet.count - offset
        if rest >= placeByteCount {
            var room: UInt64 = 0
            if let place = unsafe engine.pointee.place(connection, &room), room > 0 {
                let count = min(rest, Int(clamping: room))
                unsafe csystem_copy(place, bytes, UInt64(count))
                unsafe engine.pointee.placed(connection, UInt64(count))
                guard unsafe channel.pointee.phase == .open else { return false }
                offset += count
                continue
            }
        }
        return unsafe deliver(channel, packet, from: offset)
    }
    // Headers are delivered, so a packet that went to places alone is a part of one payload.
    let (line, isInSlot) = unsafe (channel.pointee.consumer.consumed, channel.pointee.consumer.isInSlot)
    if start == 0, ReadChoice.isTimed(line: line, isInSlot: isInSlot) {
        let lineCount = isInSlot ? 1 : RingMemory.lineCount(forPacketOf: packet.count)
        unsafe SharedMemoryChannel.choice(of: channel).pointee.notePart(
            UInt64(packet.count), line: line, lineCount: UInt64(lineCount), now: csystem_ticks())
    }
    return true
}

// Hot path.
/// Gives the rest of a packet to the engine as it lies there; false as above.
@inline(__always)
private func deliver(
    _ channel: SharedMemoryChannel.Pointer, _ packet: UnsafeRawBufferPointer, from offset: Int
) -> Bool {
    let rest = UInt64(packet.count - offset)
    let engine = unsafe channel.pointee.engine
    let taken = unsafe engine.pointee.deliver(channel.pointee.connection, packet.baseAddress! + offset, rest)
    guard unsafe channel.pointee.phase == .open else { return false }
    if taken < rest {
        unsafe pause(channel, at: offset + Int(taken))
        return false
    }
    return true
}

private func pause(_ channel: SharedMemoryChannel.Pointer, at offset: Int) {
    unsafe channel.pointee.takenByteCount = offset
    unsafe channel.pointee.phase = .paused
    unsafe SharedMemoryChannel.offerRoom(channel)
}

@c(handfast_shm_resume) func sharedMemoryResume(_ state: UnsafeMutableRawPointer?) {
    let channel = unsafe state!.assumingMemoryBound(to: SharedMemoryChannel.self)
    guard unsafe channel.pointee.phase == .paused else { return }
    unsafe channel.pointee.phase = .open
    unsafe SharedMemoryChannel.ringOwn(channel)
}

@c(handfast_shm_close) func sharedMemoryClose(_ state: UnsafeMutableRawPointer?) {
    let channel = unsafe state!.assumingMemoryBound(to: SharedMemoryChannel.self)
    let transport = unsafe channel.pointee.transport
    guard unsafe channel.pointee.phase != .closed else { return }
    unsafe channel.pointee.phase = .closed
    unsafe csystem_store_release(channel.pointee.mine.closed, 1)
    csystem_fence()
    unsafe SharedMemoryChannel.ringPeer(channel)
    unsafe SharedMemoryState.cool(channel)
    unsafe SharedMemoryChannel.stopWaiting(channel)
    unsafe SharedMemoryState.dropBulk(channel)
    if unsafe transport.pointee.unannounced == channel { unsafe transport.pointee.unannounced = nil }
    unsafe SharedMemoryState.dropReads(of: channel)
    unsafe transport.pointee.slots[channel.pointee.link.slot.bit] = nil
    // During a poll its functions may still be on the stack.
    guard unsafe transport.pointee.isPolling else { return unsafe SharedMemoryChannel.destroy(channel) }
    unsafe channel.pointee.nextClosed = transport.pointee.closed
    unsafe transport.pointee.closed = channel
}
