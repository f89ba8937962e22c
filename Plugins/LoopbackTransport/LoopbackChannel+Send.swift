import CHandfast

// Hot path.
@c(handfast_loopback_send) func loopbackSend(
    _ state: UnsafeMutableRawPointer?, _ pieces: UnsafePointer<hf_piece>?, _ pieceCount: UInt32
) -> UInt64 {
    let channel = unsafe state!.assumingMemoryBound(to: LoopbackChannel.self)
    let peer = unsafe channel.pointee.peer
    // To an end that is gone there is just no room; that it is gone is told by the next poll.
    guard let pieces = unsafe pieces, unsafe !peer.pointee.isOver else { return 0 }
    var taken: UInt64 = 0
    var isShort = false
    for index in 0..<Int(pieceCount) {
        let wanted = unsafe pieces[index].byte_count
        guard wanted > 0, let bytes = unsafe pieces[index].bytes else { continue }
        let written = unsafe UInt64(peer.pointee.inbox.write(bytes, Int(clamping: wanted)))
        taken += written
        isShort = written < wanted
        if isShort { break }
    }
    // A new short send replaces what an earlier one was still to be told.
    if isShort { unsafe channel.pointee.outbound = .full }
    if taken > 0 { unsafe LoopbackChannel.notice(peer) }
    return taken
}

@c(handfast_loopback_close) func loopbackClose(_ state: UnsafeMutableRawPointer?) {
    unsafe LoopbackChannel.end(state!.assumingMemoryBound(to: LoopbackChannel.self), as: .closed)
}
