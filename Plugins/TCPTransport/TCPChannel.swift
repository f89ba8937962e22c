import CHandfast
import CSystem
import Glibc

/// One TCP connection: raw state, used by the table's functions on the endpoint's thread.
@unsafe struct TCPChannel {
    typealias Pointer = UnsafeMutablePointer<TCPChannel>

    enum Phase {
        case open
        /// The engine was told of the end and has not closed yet.
        case ended
        /// The engine closed; what the peer still sends is thrown away until its end, because closing a socket with
        /// unread bytes resets the connection, and the peer would lose what was sent to it.
        case lingering
        /// To be freed.
        case closed
    }

    let socket: Int32
    let transport: UnsafeMutablePointer<TCPState>
    let engine: UnsafePointer<hf_engine_operations>
    let connection: UnsafeMutableRawPointer
    var phase = Phase.open
    /// Bytes that the engine did not take; reading stops until it resumes.
    var held: HeldBytes.Pointer?
    /// Whether epoll knows the socket.
    var isWatched = false
    var isWatchedForRoom = false
    /// The engine was told that a send did not take all.
    var owesRoom = false
    /// Messages that went out by themselves since the poll after which it sent last.
    var directCount: UInt8 = 0
    var lastSend: UInt64 = .max
    /// Why nothing can be sent any more; 0 as long as it can. The engine learns of it when all has been read.
    var sendError: Int32 = 0
    /// Neighbours in the list of those that linger; `next` also in the list of those to be freed.
    var previous: Pointer?
    var next: Pointer?

    static func make(
        socket: Int32, transport: UnsafeMutablePointer<TCPState>, engine: UnsafePointer<hf_engine_operations>,
        connection: UnsafeMutableRawPointer
    ) -> Pointer {
        let channel = Pointer.allocate(capacity: 1)
        unsafe channel.initialize(
            to: TCPChannel(socket: socket, transport: transport, engine: engine, connection: connection))
        unsafe watch(channel)
        return unsafe channel
    }

    static func makeOperations() -> UnsafePointer<hf_transport_operations> {
        let operations = UnsafeMutablePointer<hf_transport_operations>.allocate(capacity: 1)
        unsafe operations.initialize(
            to: hf_transport_operations(
                byte_count: UInt32(MemoryLayout<hf_transport_operations>.size), version: UInt32(HF_TRANSPORT_VERSION),
                poll: tcpPoll, arm: tcpArm, send: tcpSend, resume: tcpResume, read: nil, close: tcpClose, expose: nil,
                conceal: nil,
                keep: nil, forget: nil, read_is_sooner: nil, allocate: nil, release: nil))
        return unsafe UnsafePointer(operations)
    }

    /// Tells epoll what this channel can use now. A socket that can use nothing leaves it, because epoll reports the
    /// death of a peer even to those who did not ask, again and again.
    static func watch(_ channel: Pointer) {
        let canRead: Bool
        switch unsafe channel.pointee.phase {
        case .open: unsafe canRead = channel.pointee.held == nil
        case .lingering: canRead = true
        case .ended, .closed: canRead = false
        }
        let (epoll, socket) = unsafe (channel.pointee.transport.pointee.epoll, channel.pointee.socket)
        let wantsRoom = unsafe channel.pointee.isWatchedForRoom
        let wasWatched = unsafe channel.pointee.isWatched
        unsafe channel.pointee.isWatched = canRead || wantsRoom
        switch (wasWatched, canRead || wantsRoom) {
        case (false, false): break
        case (true, false):
            _ = csystem_epoll_remove(epoll, socket)
            unsafe channel.pointee.transport.pointee.unwatched()
        case (false, true):
            _ = unsafe csystem_epoll_add(epoll, socket, channel, canRead ? 1 : 0, wantsRoom ? 1 : 0)
            unsafe channel.pointee.transport.pointee.watched(channel)
        case (true, true): _ = unsafe csystem_epoll_change(epoll, socket, channel, canRead ? 1 : 0, wantsRoom ? 1 : 0)
        }
    }

    /// Closes the socket now, and frees the channel as soon as nobody can be looking at it.
    static func finish(_ channel: Pointer) {
        let transport = unsafe channel.pointee.transport
        unsafe channel.pointee.phase = .closed
        unsafe channel.pointee.isWatchedForRoom = false
        if unsafe transport.pointee.outbox.owner == channel { unsafe transport.pointee.outbox.clear() }
        unsafe watch(channel)
        unsafe Glibc.close(channel.pointee.socket)
        guard unsafe transport.pointee.callDepth > 0 else { return unsafe destroy(channel) }
        unsafe channel.pointee.next = transport.pointee.closed
        unsafe transport.pointee.closed = channel
    }

    static func destroy(_ channel: Pointer) {
        unsafe channel.pointee.held?.deallocate()
        unsafe channel.deinitialize(count: 1)
        unsafe channel.deallocate()
    }
}
