import CHandfast
import CSystem

/// Lines of one packet of a long stream: five packets in the ring, so that both sides copy at once.
private let partLineCount = 24

// Hot path.
@c(handfast_shm_send) func sharedMemorySend(
    _ state: UnsafeMutableRawPointer?, _ pieces: UnsafePointer<hf_piece>?, _ pieceCount: UInt32
) -> UInt64 {
    let channel = unsafe state!.assumingMemoryBound(to: SharedMemoryChannel.self)
    guard unsafe channel.pointee.phase.rawValue <= SharedMemoryChannel.Phase.paused.rawValue,
        let pieces = unsafe pieces
    else { return 0 }
    var wanted: UInt64 = 0
    for index in 0..<Int(pieceCount) { unsafe wanted &+= pieces[index].byte_count }
    guard wanted > 0 else { return 0 }
    let limit = UInt64(RingMemory.maximumPacketByteCount(lineCount: PairMemory.lineCount))
    guard wanted <= limit, var room = unsafe channel.pointee.producer.reserve(Int(wanted)) else {
        return unsafe sendParts(channel, PieceCursor(pieces, count: Int(pieceCount), byteCount: wanted))
    }
    for index in 0..<Int(pieceCount) {
        let byteCount = unsafe pieces[index].byte_count
        unsafe csystem_copy(room, pieces[index].bytes, byteCount)
        unsafe room += Int(byteCount)
    }
    unsafe channel.pointee.producer.publish(Int(wanted))
    unsafe announce(channel)
    return wanted
}

// Hot path.
/// The fence is one half of a pair: a consumer that stops looking sets `notify`, fences and looks once more.
@inline(__always)
private func announce(_ channel: UnsafeMutablePointer<SharedMemoryChannel>) {
    csystem_fence()
    if unsafe csystem_load(channel.pointee.peers.notify) != 0 { unsafe SharedMemoryChannel.ringPeer(channel) }
}

private func sendParts(_ channel: UnsafeMutablePointer<SharedMemoryChannel>, _ start: PieceCursor) -> UInt64 {
    var cursor = start
    while cursor.byteCount > 0 {
        let room = unsafe channel.pointee.producer.reservePart(
            of: Int(clamping: cursor.byteCount), lineLimit: partLineCount)
        if let room = unsafe room {
            unsafe cursor.move(to: room)
            unsafe channel.pointee.producer.publish(room.count)
            unsafe announce(channel)
        } else if unsafe !waitForRoom(channel) {
            break
        }
    }
    return start.byteCount - cursor.byteCount
}

/// - Returns: true when there is room by now.
private func waitForRoom(_ channel: UnsafeMutablePointer<SharedMemoryChannel>) -> Bool {
    unsafe channel.pointee.isWaiting = true
    unsafe csystem_store_release(channel.pointee.mine.wantsRoom, 1)
    // The consumer frees, fences and looks at the wish: one of the two sees what the other wrote.
    csystem_fence()
    guard unsafe channel.pointee.producer.hasRoomAgain() else { return false }
    unsafe SharedMemoryChannel.stopWaiting(channel)
    return true
}

extension SharedMemoryChannel {
    static func stopWaiting(_ channel: Pointer) {
        unsafe channel.pointee.isWaiting = false
        unsafe csystem_store_release(channel.pointee.mine.wantsRoom, 0)
    }

    /// The doorbell has rung: tells the engine if that means room, and returns how often.
    static func reportRoom(_ channel: Pointer) -> UInt32 {
        guard unsafe channel.pointee.isWaiting, unsafe channel.pointee.producer.hasRoomAgain() else { return 0 }
        unsafe stopWaiting(channel)
        unsafe channel.pointee.engine.pointee.writable(channel.pointee.connection)
        return 1
    }
}
