import CHandfast
import CSystem
import Glibc

/// Pieces per system call; a longer list goes out in several.
private let pieceLimit = 32

// Hot path.
@c(handfast_tcp_send) func tcpSend(
    _ state: UnsafeMutableRawPointer?, _ pieces: UnsafePointer<hf_piece>?, _ pieceCount: UInt32
) -> UInt64 {
    let channel = unsafe state!.assumingMemoryBound(to: TCPChannel.self)
    let canSend = unsafe channel.pointee.phase == .open && channel.pointee.sendError == 0
    guard canSend, let pieces = unsafe pieces else { return 0 }
    let count = min(Int(pieceCount), pieceLimit)
    var wanted: UInt64 = 0
    for index in 0..<Int(pieceCount) { unsafe wanted += pieces[index].byte_count }
    // hf_piece and iovec are the same two words; the kernel does not write through the first.
    let sent = unsafe UnsafeMutableRawPointer(mutating: pieces).withMemoryRebound(to: iovec.self, capacity: count) {
        vector in
        var message = unsafe msghdr()
        unsafe message.msg_iov = vector
        unsafe message.msg_iovlen = count
        return unsafe sendmsg(
            channel.pointee.socket, &message, Int32(MSG_DONTWAIT) | Int32(MSG_NOSIGNAL))
    }
    if sent < 0, !isPassing(errno) {
        // Told by the next read that finds nothing left; there is no room to wait for.
        unsafe channel.pointee.sendError = errno
        // Nothing is read while the engine holds back: then a broken socket, which always has room, tells it.
        if unsafe channel.pointee.held != nil, unsafe !channel.pointee.isWatchedForRoom {
            unsafe channel.pointee.isWatchedForRoom = true
            unsafe TCPChannel.watch(channel)
        }
        return 0
    }
    let taken = UInt64(max(0, sent))
    if taken < wanted, unsafe !channel.pointee.isWatchedForRoom {
        unsafe channel.pointee.isWatchedForRoom = true
        unsafe TCPChannel.watch(channel)
    }
    return taken
}

/// True for what ends by itself, when the kernel has room or memory again.
private func isPassing(_ systemError: Int32) -> Bool {
    systemError == EAGAIN || systemError == EINTR || systemError == ENOBUFS || systemError == ENOMEM
}
