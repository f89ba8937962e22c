import CHandfast
import CSystem
import Glibc

/// Reads per connection and poll, so that one busy peer does not starve the others.
private let readLimit: UInt32 = 16

// Hot path.
@c(handfast_tcp_poll) func tcpPoll(_ state: UnsafeMutableRawPointer?) -> UInt32 {
    let transport = unsafe state!.assumingMemoryBound(to: TCPState.self)
    unsafe transport.pointee.pollCount &+= 1
    if unsafe transport.pointee.outbox.owner != nil { unsafe flushOutbox(transport) }
    guard unsafe transport.pointee.watchedCount > 0, unsafe transport.pointee.takesLook() else { return 0 }
    let count = unsafe look(transport)
    if count > 0 { unsafe transport.pointee.isStirred = true }
    if unsafe transport.pointee.outbox.owner != nil { unsafe flushOutbox(transport) }
    return count
}

// Hot path.
/// Returns how many sockets or reads had something to say.
private func look(_ transport: UnsafeMutablePointer<TCPState>) -> UInt32 {
    if let sole = unsafe transport.pointee.soleWatched, unsafe !sole.pointee.isWatchedForRoom {
        unsafe TCPState.enter(transport)
        let count = unsafe receive(sole)
        unsafe TCPState.leave(transport)
        return count
    }
    let events = unsafe transport.pointee.events
    let count = unsafe csystem_epoll_wait(transport.pointee.epoll, events, Int32(TCPState.eventLimit), 0)
    guard count > 0 else { return 0 }
    unsafe TCPState.enter(transport)
    for index in 0..<Int(count) {
        let channel = unsafe events[index].tag.assumingMemoryBound(to: TCPChannel.self)
        if unsafe events[index].is_writable != 0 { unsafe reportRoom(channel) }
        if unsafe events[index].is_readable != 0 { _ = unsafe receive(channel) }
    }
    let first = unsafe events[0].tag.assumingMemoryBound(to: TCPChannel.self)
    if unsafe transport.pointee.watchedCount == 1, unsafe first.pointee.isWatched {
        unsafe transport.pointee.soleWatched = first
    }
    unsafe TCPState.leave(transport)
    return UInt32(count)
}

/// Epoll needs no arming: it reports what is there whenever it is asked. What was sent must not wait for the end of a sleep,
/// nor what ends it for another poll.
@c(handfast_tcp_arm) func tcpArm(_ state: UnsafeMutableRawPointer?) -> Int32 {
    let transport = unsafe state!.assumingMemoryBound(to: TCPState.self)
    unsafe flushOutbox(transport)
    unsafe transport.pointee.isStirred = true
    return 0
}

@c(handfast_tcp_resume) func tcpResume(_ state: UnsafeMutableRawPointer?) {
    let channel = unsafe state!.assumingMemoryBound(to: TCPChannel.self)
    guard let held = unsafe channel.pointee.held else { return }
    let transport = unsafe channel.pointee.transport
    unsafe TCPState.enter(transport)
    unsafe channel.pointee.held = nil
    // A stream that broke on a send has told its end already.
    if unsafe channel.pointee.phase == .open { unsafe held.pointee.take(deliver(channel, HeldBytes.bytes(of: held))) }
    if unsafe channel.pointee.phase == .open, unsafe !held.pointee.isEmpty {
        unsafe hold(held, channel)
    } else {
        unsafe held.deallocate()
        if unsafe channel.pointee.phase == .open { unsafe TCPChannel.watch(channel) }
    }
    unsafe TCPState.leave(transport)
}

private func reportRoom(_ channel: UnsafeMutablePointer<TCPChannel>) {
    guard unsafe channel.pointee.isWatchedForRoom else { return }
    if unsafe channel.pointee.phase == .lingering { return unsafe endWriting(channel) }
    guard unsafe channel.pointee.phase == .open, unsafe flushOutbox(of: channel) else { return }
    unsafe channel.pointee.isWatchedForRoom = false
    unsafe TCPChannel.watch(channel)
    if unsafe channel.pointee.owesRoom {
        unsafe channel.pointee.owesRoom = false
        unsafe channel.pointee.engine.pointee.writable(channel.pointee.connection)
    }
    // The engine waits for its sends to end, perhaps, before it takes what is held.
    guard unsafe channel.pointee.phase == .open, unsafe channel.pointee.held != nil else { return }
    let sendError = unsafe channel.pointee.sendError
    if sendError != 0 { unsafe end(channel, sendError) }
}

// Hot path.
/// Returns how many reads brought something.
private func receive(_ channel: UnsafeMutablePointer<TCPChannel>) -> UInt32 {
    if unsafe channel.pointee.phase == .lingering {
        unsafe drain(channel)
        return 0
    }
    for done in 0..<readLimit {
        guard unsafe channel.pointee.phase == .open, unsafe channel.pointee.held == nil else { return done }
        var wanted: UInt64 = 0
        let engine = unsafe channel.pointee.engine
        let place = unsafe engine.pointee.place(channel.pointee.connection, &wanted)
        let target = unsafe place ?? channel.pointee.transport.pointee.staging
        let staged = unsafe max(1, min(Int(clamping: wanted), TCPState.stagingByteCount))
        let room = unsafe place == nil ? staged : Int(clamping: wanted)
        let count = unsafe recv(channel.pointee.socket, target, room, Int32(MSG_DONTWAIT))
        guard count > 0 else {
            unsafe end(channel, count == 0 ? 0 : errno)
            return done
        }
        if unsafe place != nil {
            unsafe engine.pointee.placed(channel.pointee.connection, UInt64(count))
        } else {
            let bytes = unsafe UnsafeRawBufferPointer(start: target, count: count)
            let taken = unsafe deliver(channel, bytes)
            if taken < count, unsafe channel.pointee.phase == .open {
                unsafe hold(HeldBytes.make(copying: UnsafeRawBufferPointer(rebasing: bytes[taken...])), channel)
            }
        }
        if count < room { return done + 1 }
    }
    return readLimit
}

// Hot path.
/// Returns how many bytes the engine took.
private func deliver(_ channel: UnsafeMutablePointer<TCPChannel>, _ bytes: UnsafeRawBufferPointer) -> Int {
    let taken = unsafe channel.pointee.engine.pointee.deliver(
        channel.pointee.connection, bytes.baseAddress, UInt64(bytes.count))
    return Int(min(taken, UInt64(bytes.count)))
}

/// Keeps what the engine did not take, and reads no more until it resumes.
private func hold(_ held: HeldBytes.Pointer, _ channel: UnsafeMutablePointer<TCPChannel>) {
    unsafe channel.pointee.held = held
    if unsafe channel.pointee.sendError != 0 { unsafe channel.pointee.isWatchedForRoom = true }
    unsafe TCPChannel.watch(channel)
}

private func end(_ channel: UnsafeMutablePointer<TCPChannel>, _ systemError: Int32) {
    guard systemError != EAGAIN, systemError != EINTR else { return }
    unsafe channel.pointee.phase = .ended
    unsafe channel.pointee.isWatchedForRoom = false
    unsafe TCPChannel.watch(channel)
    // A failed send takes the socket's error away from the read. EPIPE only says that the peer had closed before.
    let sendError = unsafe channel.pointee.sendError
    let isReset = systemError == 0 && sendError != 0 && sendError != EPIPE
    unsafe channel.pointee.engine.pointee.closed(channel.pointee.connection, isReset ? sendError : systemError)
}
