import CHandfast
import CSystem

/// Messages after a poll that have a fence each.
private let directLimit: UInt8 = 4
/// Lines of one packet of a long stream: five packets in the ring, so that both sides copy at once.
private let partLineCount = 24
/// The longest message that goes as one packet, in bytes.
private let packetLimit = UInt64(RingMemory.maximumPacketByteCount(lineCount: PairMemory.lineCount))
/// From here on it goes past the caches to a core that is far.
private let farByteCount: UInt64 = 1_536

// Hot path.
@c(handfast_shm_send) func sharedMemorySend(
    _ state: UnsafeMutableRawPointer?, _ pieces: UnsafePointer<hf_piece>?, _ pieceCount: UInt32
) -> UInt64 {
    let channel = unsafe state!.assumingMemoryBound(to: SharedMemoryChannel.self)
    guard unsafe channel.pointee.phase.rawValue <= SharedMemoryChannel.Phase.paused.rawValue,
        let pieces = unsafe pieces, pieceCount > 0
    else { return 0 }
    let end = unsafe pieces + Int(pieceCount)
    // Most have two or three, which the loop for many takes longer to begin with than to add.
    var wanted = unsafe pieces[0].byte_count
    if pieceCount > 1 { unsafe wanted &+= pieces[1].byte_count }
    if pieceCount > 2 { for index in 2..<Int(pieceCount) { unsafe wanted &+= pieces[index].byte_count } }
    guard wanted > 0 else { return 0 }
    guard wanted <= packetLimit, let room = unsafe channel.pointee.producer.reserve(Int(wanted)) else {
        return unsafe sendParts(channel, PieceCursor(pieces, count: Int(pieceCount), byteCount: wanted))
    }
    if wanted > RingMemory.oneLineByteCount {
        unsafe fill(room, pieces, end, wanted, channel)
    } else {
        unsafe put(room, pieces, end, inOrder: false)
    }
    unsafe channel.pointee.producer.publish(Int(truncatingIfNeeded: wanted))
    unsafe announce(channel)
    return wanted
}

// Hot path.
/// Fills a packet of several lines. Not inlined, so that one of a single line stays short.
@inline(never)
private func fill(
    _ start: UnsafeMutableRawPointer, _ pieces: UnsafePointer<hf_piece>, _ end: UnsafePointer<hf_piece>,
    _ byteCount: UInt64, _ channel: UnsafeMutablePointer<SharedMemoryChannel>
) {
    if unsafe byteCount >= farByteCount && channel.pointee.producer.isFar {
        return unsafe fillPastCaches(start, PieceCursor(pieces, count: end - pieces, byteCount: byteCount))
    }
    unsafe channel.pointee.producer.fetch(Int(byteCount))
    unsafe put(start, pieces, end, inOrder: true)
}

// Hot path.
@inline(__always)
private func put(
    _ start: UnsafeMutableRawPointer, _ pieces: UnsafePointer<hf_piece>, _ end: UnsafePointer<hf_piece>, inOrder: Bool
) {
    var (room, piece) = unsafe (start, pieces)
    repeat {
        let byteCount = unsafe piece.pointee.byte_count
        if inOrder {
            unsafe csystem_copy_in_order(room, piece.pointee.bytes, byteCount)
        } else {
            unsafe csystem_copy(room, piece.pointee.bytes, byteCount)
        }
        unsafe room += Int(truncatingIfNeeded: byteCount)
        unsafe piece += 1
    } while unsafe piece < end
}

// Hot path.
/// Fills a packet, its first line as usual and what then is left of one piece past the caches.
private func fillPastCaches(_ room: UnsafeMutableRawPointer, _ start: PieceCursor) {
    var (cursor, room) = unsafe (start, room)
    var count = RingMemory.lineByteCount - RingMemory.controlByteCount
    while cursor.byteCount > 0 {
        unsafe cursor.move(to: UnsafeMutableRawBufferPointer(start: room, count: min(count, Int(cursor.byteCount))))
        unsafe room += count
        count = RingMemory.lineByteCount
        let run = unsafe cursor.run
        guard run.count == Int(cursor.byteCount), run.count > 0 else { continue }
        return unsafe csystem_copy_past_caches(room, run.baseAddress, UInt64(run.count))
    }
}

// Hot path.
/// Has the peer look for what was sent, if it does not by itself.
///
/// A fence is one half of a pair: a consumer that stops looking sets `notify`, fences and looks once more. It makes a
/// sender wait until the line has gone to the other core, so only the first messages after a poll have one each; those
/// behind them share that of the next poll. Without it a consumer that falls asleep just now is woken a poll later.
@inline(__always)
private func announce(_ channel: UnsafeMutablePointer<SharedMemoryChannel>) {
    let transport = unsafe channel.pointee.transport
    if unsafe channel.pointee.lastSend != transport.pointee.pollCount {
        unsafe channel.pointee.lastSend = transport.pointee.pollCount
        unsafe channel.pointee.directCount = 0
    }
    if unsafe channel.pointee.directCount < directLimit {
        unsafe channel.pointee.directCount += 1
        csystem_fence()
    } else if unsafe transport.pointee.unannounced != channel {
        unsafe SharedMemoryState.announce(transport)
        unsafe transport.pointee.unannounced = channel
    }
    if unsafe csystem_load(channel.pointee.peers.notify) != 0 { unsafe SharedMemoryChannel.ringPeer(channel) }
}

extension SharedMemoryChannel {
    /// No burst has been sent since the last poll.
    fileprivate var isQuiet: Bool {
        unsafe lastSend != transport.pointee.pollCount || directCount < directLimit
    }
}

extension SharedMemoryState {
    // Hot path.
    /// Makes up for the fence that the last messages of a connection did without.
    static func announce(_ transport: Pointer) {
        guard let channel = unsafe transport.pointee.unannounced else { return }
        unsafe transport.pointee.unannounced = nil
        csystem_fence()
        if unsafe csystem_load(channel.pointee.peers.notify) != 0 { unsafe SharedMemoryChannel.ringPeer(channel) }
    }
}

private func sendParts(_ channel: UnsafeMutablePointer<SharedMemoryChannel>, _ start: PieceCursor) -> UInt64 {
    var cursor = start
    let isAlone = unsafe start.byteCount <= BulkMemory.shortByteCount && channel.pointee.isQuiet
    while cursor.byteCount > 0 {
        if unsafe sendPart(channel, &cursor, isAlone) { continue }
        guard unsafe SharedMemoryChannel.waitForRoom(channel) else { break }
    }
    return start.byteCount - cursor.byteCount
}

/// Sends one packet of a long stream; false when there is no room for it.
/// - Parameter isAlone: the peer waits for this stream.
private func sendPart(
    _ channel: UnsafeMutablePointer<SharedMemoryChannel>, _ cursor: inout PieceCursor, _ isAlone: Bool
) -> Bool {
    let least = BulkMemory.leastByteCount
    var byteCount = Int(clamping: cursor.byteCount)
    if byteCount >= least, unsafe channel.pointee.bulk != nil || SharedMemoryState.giveBulk(channel) {
        if unsafe cursor.run.count >= least { return unsafe sendSlot(channel, &cursor, isAlone) }
        byteCount = cursor.byteCount(beforeRunOf: least)
    }
    guard let room = unsafe channel.pointee.producer.reservePart(of: byteCount, lineLimit: partLineCount)
    else { return false }
    unsafe cursor.move(to: room)
    unsafe channel.pointee.producer.publish(room.count)
    unsafe announce(channel)
    return true
}

// Hot path.
private func sendSlot(
    _ channel: UnsafeMutablePointer<SharedMemoryChannel>, _ cursor: inout PieceCursor, _ isAlone: Bool
) -> Bool {
    guard let bulk = unsafe channel.pointee.bulk, let slot = unsafe bulk.pointee.reserve(&channel.pointee.producer),
        unsafe channel.pointee.producer.reserve(0) != nil
    else { return false }
    let run = unsafe cursor.run
    let isFar = unsafe channel.pointee.producer.isFar
    let isAlone = isAlone && !isFar
    let wanted = isAlone ? BulkMemory.partByteCount : BulkMemory.slotByteCount
    let byteCount = BulkMemory.share(of: run.count, wanted: wanted)
    if isFar {
        unsafe csystem_copy_past_caches(slot, run.baseAddress, UInt64(byteCount))
    } else if isAlone {
        unsafe csystem_copy_in_order(slot, run.baseAddress!, UInt64(byteCount))
    } else {
        unsafe csystem_copy(slot, run.baseAddress!, UInt64(byteCount))
    }
    cursor.skip(byteCount)
    unsafe channel.pointee.producer.publishSlot(byteCount)
    unsafe bulk.pointee.use(channel.pointee.producer)
    unsafe channel.pointee.lastBulk = channel.pointee.transport.pointee.pollCount
    unsafe announce(channel)
    return true
}

extension SharedMemoryChannel {
    /// - Returns: true when there is room by now; else `reportRoom` will tell.
    fileprivate static func waitForRoom(_ channel: Pointer) -> Bool {
        unsafe channel.pointee.isWaiting = true
        let transport = unsafe channel.pointee.transport
        // One is looked at with every poll; the peers of all others are to ring.
        if unsafe transport.pointee.waiting == nil { unsafe transport.pointee.waiting = channel }
        if unsafe transport.pointee.waiting == channel {
            guard unsafe hasRoomAgain(channel) else { return false }
        } else if unsafe askForRoom(channel) {
            return false
        }
        unsafe stopWaiting(channel)
        return true
    }

    /// Has the peer ring when there is room. Returns false when there is already.
    static func askForRoom(_ channel: Pointer) -> Bool {
        unsafe csystem_store_release(channel.pointee.mine.wantsRoom, 1)
        // The consumer frees, fences and looks at the wish: one of the two sees what the other wrote.
        csystem_fence()
        return unsafe !hasRoomAgain(channel)
    }

    private static func hasRoomAgain(_ channel: Pointer) -> Bool {
        guard unsafe channel.pointee.producer.hasRoomAgain() else { return false }
        guard let bulk = unsafe channel.pointee.bulk else { return true }
        return unsafe bulk.pointee.hasRoomAgain(&channel.pointee.producer)
    }

    static func stopWaiting(_ channel: Pointer) {
        guard unsafe channel.pointee.isWaiting else { return }
        unsafe channel.pointee.isWaiting = false
        unsafe csystem_store_release(channel.pointee.mine.wantsRoom, 0)
        let transport = unsafe channel.pointee.transport
        if unsafe transport.pointee.waiting == channel { unsafe transport.pointee.waiting = nil }
    }

    /// Tells the engine if there is room for what waits, and returns how often.
    static func reportRoom(_ channel: Pointer) -> UInt32 {
        guard unsafe channel.pointee.isWaiting, unsafe hasRoomAgain(channel) else { return 0 }
        unsafe stopWaiting(channel)
        unsafe channel.pointee.engine.pointee.writable(channel.pointee.connection)
        return 1
    }
}
