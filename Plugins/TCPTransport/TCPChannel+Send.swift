import CHandfast
import CSystem
import Glibc

/// Pieces per system call; a longer list goes out in several.
private let pieceLimit = 32

/// Messages after a poll that go out by themselves.
private let directLimit: UInt8 = 4

// Hot path.
/// The first messages after a poll go out at once: a program that sends a few and then computes keeps nobody waiting. What
/// follows them before the next poll waits for that, or until it is much, and leaves together.
@c(handfast_tcp_send) func tcpSend(
    _ state: UnsafeMutableRawPointer?, _ pieces: UnsafePointer<hf_piece>?, _ pieceCount: UInt32
) -> UInt64 {
    let channel = unsafe state!.assumingMemoryBound(to: TCPChannel.self)
    let canSend = unsafe channel.pointee.phase == .open && channel.pointee.sendError == 0
    guard canSend, let pieces = unsafe pieces else { return 0 }
    let transport = unsafe channel.pointee.transport
    // An answer may come soon.
    unsafe transport.pointee.isStirred = true
    var wanted: UInt64 = 0
    for index in 0..<Int(pieceCount) { unsafe wanted += pieces[index].byte_count }
    if unsafe channel.pointee.lastSend != transport.pointee.pollCount {
        unsafe channel.pointee.lastSend = transport.pointee.pollCount
        unsafe channel.pointee.directCount = 0
    }
    let isBurst = unsafe channel.pointee.directCount == directLimit
    if !isBurst { unsafe channel.pointee.directCount += 1 }
    if unsafe wanted <= TCPOutbox.messageByteLimit && joinsOutbox(channel, pieces, Int(pieceCount), Int(wanted)) {
        if !isBurst { _ = unsafe flushOutbox(of: channel) }
        return unsafe channel.pointee.sendError == 0 ? wanted : 0
    }
    if unsafe transport.pointee.outbox.owner == channel, unsafe !flushOutbox(of: channel) {
        unsafe channel.pointee.owesRoom = true
        return 0
    }
    let taken = UInt64(unsafe write(channel, pieces, min(Int(pieceCount), pieceLimit)))
    if taken < wanted {
        unsafe channel.pointee.owesRoom = true
        unsafe watchForRoom(channel)
    }
    return taken
}

// Hot path.
/// - Returns: true when the outbox has the message.
private func joinsOutbox(
    _ channel: TCPChannel.Pointer, _ pieces: UnsafePointer<hf_piece>, _ pieceCount: Int, _ byteCount: Int
) -> Bool {
    guard unsafe !channel.pointee.isWatchedForRoom else { return false }
    let transport = unsafe channel.pointee.transport
    if unsafe transport.pointee.outbox.owner != channel { unsafe flushOutbox(transport) }
    guard unsafe transport.pointee.outbox.owner ?? channel == channel else { return false }
    if unsafe transport.pointee.outbox.append(pieces, pieceCount, byteCount, of: channel) { return true }
    return unsafe flushOutbox(of: channel)
        && transport.pointee.outbox.append(pieces, pieceCount, byteCount, of: channel)
}

// Hot path.
/// Sends what waits in the outbox, as far as its socket takes it.
func flushOutbox(_ transport: UnsafeMutablePointer<TCPState>) {
    if let owner = unsafe transport.pointee.outbox.owner { _ = unsafe flushOutbox(of: owner) }
}

/// - Returns: true when nothing of this channel is left in it.
func flushOutbox(of channel: TCPChannel.Pointer) -> Bool {
    let transport = unsafe channel.pointee.transport
    guard unsafe transport.pointee.outbox.owner == channel else { return true }
    let bytes = unsafe transport.pointee.outbox.bytes
    var piece = unsafe hf_piece(bytes: bytes.baseAddress, byte_count: UInt64(bytes.count))
    let count = unsafe write(channel, &piece, 1)
    // Nobody will read what is left.
    if unsafe channel.pointee.sendError != 0 {
        unsafe transport.pointee.outbox.clear()
        return true
    }
    unsafe transport.pointee.outbox.remove(count)
    if count < bytes.count { unsafe watchForRoom(channel) }
    return count == bytes.count
}

// Hot path.
/// Returns how many bytes the system took.
private func write(_ channel: TCPChannel.Pointer, _ pieces: UnsafePointer<hf_piece>, _ count: Int) -> Int {
    let flags = Int32(MSG_DONTWAIT) | Int32(MSG_NOSIGNAL)
    let sent: Int
    if count == 1 {
        unsafe sent = Glibc.send(channel.pointee.socket, pieces.pointee.bytes, Int(pieces.pointee.byte_count), flags)
    } else {
        // hf_piece and iovec are the same two words; the kernel does not write through the first.
        unsafe sent = UnsafeMutableRawPointer(mutating: pieces).withMemoryRebound(to: iovec.self, capacity: count) {
            var message = unsafe msghdr()
            unsafe message.msg_iov = $0
            unsafe message.msg_iovlen = count
            return unsafe sendmsg(channel.pointee.socket, &message, flags)
        }
    }
    if sent < 0, !isPassing(errno) {
        // Told by the next read that finds nothing left; there is no room to wait for.
        unsafe channel.pointee.sendError = errno
        // Nothing is read while the engine holds back: then a broken socket, which always has room, tells it.
        if unsafe channel.pointee.held != nil { unsafe watchForRoom(channel) }
    }
    return max(0, sent)
}

private func watchForRoom(_ channel: TCPChannel.Pointer) {
    let isUseful = unsafe channel.pointee.sendError == 0 || channel.pointee.held != nil
    guard isUseful, unsafe !channel.pointee.isWatchedForRoom else { return }
    unsafe channel.pointee.isWatchedForRoom = true
    unsafe TCPChannel.watch(channel)
}

/// True for what ends by itself, when the kernel has room or memory again.
private func isPassing(_ systemError: Int32) -> Bool {
    systemError == EAGAIN || systemError == EINTR || systemError == ENOBUFS || systemError == ENOMEM
}
