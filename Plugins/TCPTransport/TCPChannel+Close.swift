import CHandfast
import Glibc

/// Reads per poll that are spent on bytes nobody wants.
private let drainLimit = 16

@c(handfast_tcp_close) func tcpClose(_ state: UnsafeMutableRawPointer?) {
    let channel = unsafe state!.assumingMemoryBound(to: TCPChannel.self)
    // After the peer's end nothing unread can be left.
    guard unsafe channel.pointee.phase == .open else { return unsafe TCPChannel.finish(channel) }
    let transport = unsafe channel.pointee.transport
    unsafe channel.pointee.phase = .lingering
    unsafe transport.pointee.addLingering(channel)
    unsafe endWriting(channel)
    if unsafe transport.pointee.lingeringCount > TCPState.lingeringLimit,
        let oldest = unsafe transport.pointee.oldestLingering
    {
        unsafe transport.pointee.removeLingering(oldest)
        unsafe TCPChannel.finish(oldest)
    }
}

/// Nothing more is sent, once all that the engine gave is out.
func endWriting(_ channel: TCPChannel.Pointer) {
    let isEmptied = unsafe flushOutbox(of: channel)
    if isEmptied { unsafe shutdown(channel.pointee.socket, Int32(SHUT_WR)) }
    unsafe channel.pointee.isWatchedForRoom = !isEmptied
    unsafe TCPChannel.watch(channel)
}

/// Throws away what a channel that lingers is sent; closes it at the peer's end.
func drain(_ channel: TCPChannel.Pointer) {
    let transport = unsafe channel.pointee.transport
    for _ in 0..<drainLimit {
        let count = unsafe recv(
            channel.pointee.socket, transport.pointee.staging, TCPState.stagingByteCount, Int32(MSG_DONTWAIT))
        if count > 0 { continue }
        guard count == 0 || (errno != EAGAIN && errno != EINTR) else { return }
        unsafe transport.pointee.removeLingering(channel)
        return unsafe TCPChannel.finish(channel)
    }
}
