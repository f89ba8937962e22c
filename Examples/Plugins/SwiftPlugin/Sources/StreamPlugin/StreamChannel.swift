import CEpoll
import CHandfast
import Glibc

/// One connection: raw state, used by the table's functions on the endpoint's thread.
struct StreamChannel {
    typealias Pointer = UnsafeMutablePointer<StreamChannel>

    enum Phase {
        case open
        /// The engine was told of the end, and has not closed yet.
        case ended
        /// The engine closed; what the peer still sends is thrown away, because to close a socket with unread bytes resets
        /// the connection, and the peer would lose what was sent to it.
        case lingering
        case closed
    }

    let shared: UnsafeMutablePointer<StreamState>
    let socket: Int32
    let engine: UnsafePointer<hf_engine_operations>
    let connection: UnsafeMutableRawPointer
    var phase = Phase.open
    /// What epoll was asked for.
    private var watched: UInt32 = 0
    /// What the engine did not take; nothing is read before it has.
    var held: UnsafeMutableRawBufferPointer?
    var heldStart = 0
    /// A send was short.
    var owesRoom = false
    /// Why nothing can be sent; told when all has been read.
    var sendError: Int32 = 0
    var nextFreed: Pointer?

    init(
        shared: UnsafeMutablePointer<StreamState>, socket: Int32, engine: UnsafePointer<hf_engine_operations>,
        connection: UnsafeMutableRawPointer
    ) {
        (self.shared, self.socket, self.engine, self.connection) = (shared, socket, engine, connection)
    }

    // Written once and never freed.
    nonisolated(unsafe) static let operations: UnsafePointer<hf_transport_operations> = {
        let operations = UnsafeMutablePointer<hf_transport_operations>.allocate(capacity: 1)
        operations.initialize(to: hf_transport_operations())
        operations.pointee.byte_count = UInt32(MemoryLayout<hf_transport_operations>.size)
        operations.pointee.version = UInt32(HF_TRANSPORT_VERSION)
        operations.pointee.poll = streamPoll
        operations.pointee.arm = { _ in 0 }  // Epoll reports what is there whenever it is asked.
        operations.pointee.send = streamSend
        operations.pointee.resume = streamResume
        operations.pointee.close = streamClose
        return UnsafePointer(operations)
    }()

    /// Tells epoll what the channel can use. A socket that can use nothing leaves it, because epoll reports the death of a
    /// peer even to those who did not ask.
    static func watch(_ channel: Pointer) {
        var wanted: UInt32 = 0
        switch channel.pointee.phase {
        case .open:
            if channel.pointee.held == nil { wanted |= CEPOLL_READABLE }
            if channel.pointee.owesRoom { wanted |= CEPOLL_WRITABLE }
        case .lingering: wanted = CEPOLL_READABLE
        case .ended, .closed: break
        }
        cepoll_watch(
            channel.pointee.shared.pointee.epoll, channel.pointee.socket, channel, channel.pointee.watched, wanted)
        channel.pointee.watched = wanted
    }

    static func free(_ channel: Pointer) {
        channel.pointee.held?.deallocate()
        channel.deinitialize(count: 1)
        channel.deallocate()
    }
}

@c(stream_plugin_send) func streamSend(
    _ state: UnsafeMutableRawPointer?, _ pieces: UnsafePointer<hf_piece>?, _ count: UInt32
) -> UInt64 {
    let channel = state!.assumingMemoryBound(to: StreamChannel.self)
    guard channel.pointee.phase == .open, channel.pointee.sendError == 0, let pieces, count > 0 else { return 0 }
    var wanted: UInt64 = 0
    for index in 0..<Int(count) { wanted += pieces[index].byte_count }
    // hf_piece and iovec are the same two words; the kernel does not write through the first.
    let sent = UnsafeMutableRawPointer(mutating: pieces).withMemoryRebound(to: iovec.self, capacity: Int(count)) {
        var message = msghdr()
        message.msg_iov = $0
        message.msg_iovlen = min(Int(count), 1024)
        return sendmsg(channel.pointee.socket, &message, Int32(MSG_DONTWAIT) | Int32(MSG_NOSIGNAL))
    }
    if sent < 0, ![EAGAIN, EINTR, ENOBUFS, ENOMEM].contains(errno) { channel.pointee.sendError = errno }
    // There is no room to wait for in a broken stream, but while bytes are held nobody would notice its end otherwise.
    if max(0, sent) < Int(wanted), channel.pointee.sendError == 0 || channel.pointee.held != nil {
        channel.pointee.owesRoom = true
        StreamChannel.watch(channel)
    }
    return UInt64(max(0, sent))
}

@c(stream_plugin_close) func streamClose(_ state: UnsafeMutableRawPointer?) {
    let channel = state!.assumingMemoryBound(to: StreamChannel.self)
    guard channel.pointee.phase == .open else { return StreamState.finish(channel) }
    channel.pointee.phase = .lingering
    shutdown(channel.pointee.socket, Int32(SHUT_WR))
    StreamChannel.watch(channel)
    StreamState.linger(channel)
}
