import CEpoll
import CHandfast
import Glibc

/// Reads of one channel in one poll, so that one busy peer does not starve the others.
private let readLimit = 16

@c(stream_plugin_poll) func streamPoll(_ state: UnsafeMutableRawPointer?) -> UInt32 {
    let shared = state!.assumingMemoryBound(to: StreamState.self)
    let events = shared.pointee.events
    let count = cepoll_look(shared.pointee.epoll, events)
    guard count > 0 else { return 0 }
    StreamState.enter(shared)
    for index in 0..<Int(count) {
        let channel = events[index].tag.assumingMemoryBound(to: StreamChannel.self)
        if events[index].ready & CEPOLL_WRITABLE != 0 { tellOfRoom(channel) }
        if channel.pointee.phase == .lingering { drain(channel) } else { receive(channel) }
    }
    StreamState.leave(shared)
    return count
}

@c(stream_plugin_resume) func streamResume(_ state: UnsafeMutableRawPointer?) {
    let channel = state!.assumingMemoryBound(to: StreamChannel.self)
    guard channel.pointee.phase == .open, let held = channel.pointee.held else { return }
    let shared = channel.pointee.shared
    StreamState.enter(shared)
    channel.pointee.heldStart += deliver(UnsafeRawBufferPointer(rebasing: held[channel.pointee.heldStart...]), channel)
    if channel.pointee.phase == .open, channel.pointee.heldStart == held.count {
        held.deallocate()
        channel.pointee.held = nil
        StreamChannel.watch(channel)
    }
    StreamState.leave(shared)
}

private func tellOfRoom(_ channel: StreamChannel.Pointer) {
    guard channel.pointee.phase == .open, channel.pointee.owesRoom else { return }
    channel.pointee.owesRoom = false
    if channel.pointee.sendError != 0, channel.pointee.held != nil { return end(channel, channel.pointee.sendError) }
    StreamChannel.watch(channel)
    if channel.pointee.sendError == 0 { channel.pointee.engine.pointee.writable(channel.pointee.connection) }
}

private func receive(_ channel: StreamChannel.Pointer) {
    let shared = channel.pointee.shared
    for _ in 0..<readLimit {
        guard channel.pointee.phase == .open, channel.pointee.held == nil else { return }
        var wanted: UInt64 = 0
        let place = channel.pointee.engine.pointee.place(channel.pointee.connection, &wanted)
        guard channel.pointee.phase == .open else { return }
        let target = place ?? shared.pointee.staging
        let room = place == nil ? max(1, min(Int(clamping: wanted), shared.pointee.stagingByteCount)) : Int(wanted)
        let count = recv(channel.pointee.socket, target, room, Int32(MSG_DONTWAIT))
        if count < 0, errno == EAGAIN || errno == EINTR { return }
        guard count > 0 else { return end(channel, count == 0 ? 0 : errno) }
        if place != nil {
            channel.pointee.engine.pointee.placed(channel.pointee.connection, UInt64(count))
        } else {
            let bytes = UnsafeRawBufferPointer(start: target, count: count)
            let taken = deliver(bytes, channel)
            if taken < count, channel.pointee.phase == .open {
                hold(UnsafeRawBufferPointer(rebasing: bytes[taken...]), channel)
            }
        }
        if count < room { return }
    }
}

/// - Returns: how many bytes the engine took.
private func deliver(_ bytes: UnsafeRawBufferPointer, _ channel: StreamChannel.Pointer) -> Int {
    let engine = channel.pointee.engine
    return Int(engine.pointee.deliver(channel.pointee.connection, bytes.baseAddress, UInt64(bytes.count)))
}

private func hold(_ bytes: UnsafeRawBufferPointer, _ channel: StreamChannel.Pointer) {
    let held = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes.count, alignment: 8)
    held.copyMemory(from: bytes)
    channel.pointee.held = held
    channel.pointee.heldStart = 0
    // A broken stream always has room: so its end is told though nothing is read.
    if channel.pointee.sendError != 0 { channel.pointee.owesRoom = true }
    StreamChannel.watch(channel)
}

private func end(_ channel: StreamChannel.Pointer, _ error: Int32) {
    channel.pointee.phase = .ended
    StreamChannel.watch(channel)
    // A failed send takes the socket's error away from the read; EPIPE only says that the peer had closed before.
    let sendError = channel.pointee.sendError
    let isReset = error == 0 && sendError != 0 && sendError != EPIPE
    channel.pointee.engine.pointee.closed(channel.pointee.connection, isReset ? sendError : error)
}

/// Throws away what a channel that lingers is sent, and closes it at the peer's end.
private func drain(_ channel: StreamChannel.Pointer) {
    for _ in 0..<readLimit {
        let shared = channel.pointee.shared.pointee
        let count = recv(channel.pointee.socket, shared.staging, shared.stagingByteCount, Int32(MSG_DONTWAIT))
        if count > 0 { continue }
        guard count == 0 || (errno != EAGAIN && errno != EINTR) else { return }
        return StreamState.finish(channel)
    }
}
