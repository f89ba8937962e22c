import CHandfast
import CSystem
import Glibc

/// One TCP connection: raw state, used by the table's functions on the endpoint's thread.
@unsafe struct TCPChannel {
    let socket: Int32
    let transport: UnsafeMutablePointer<TCPState>
    let engine: UnsafePointer<hf_engine_operations>
    let connection: UnsafeMutableRawPointer
    /// Bytes that the engine did not take; reading stops until it resumes.
    var held: UnsafeMutableRawBufferPointer?
    var isWatchedForRoom = false
    var hasEnded = false
    var isClosed = false
    var nextClosed: UnsafeMutablePointer<TCPChannel>?

    static func make(
        socket: Int32, transport: UnsafeMutablePointer<TCPState>, engine: UnsafePointer<hf_engine_operations>,
        connection: UnsafeMutableRawPointer
    ) -> UnsafeMutablePointer<TCPChannel> {
        let channel = UnsafeMutablePointer<TCPChannel>.allocate(capacity: 1)
        unsafe channel.initialize(
            to: TCPChannel(socket: socket, transport: transport, engine: engine, connection: connection))
        _ = unsafe csystem_epoll_add(transport.pointee.epoll, socket, channel, 1, 0)
        return unsafe channel
    }

    static func makeOperations() -> UnsafePointer<hf_transport_operations> {
        let operations = UnsafeMutablePointer<hf_transport_operations>.allocate(capacity: 1)
        unsafe operations.initialize(
            to: hf_transport_operations(
                byte_count: UInt32(MemoryLayout<hf_transport_operations>.size), version: UInt32(HF_TRANSPORT_VERSION),
                poll: tcpPoll, arm: tcpArm, send: tcpSend, resume: tcpResume, read: nil, close: tcpClose))
        return unsafe UnsafePointer(operations)
    }

    /// Tells epoll what this channel can use now.
    static func watch(_ channel: UnsafeMutablePointer<TCPChannel>) {
        let canRead = unsafe channel.pointee.held == nil && !channel.pointee.hasEnded
        _ = unsafe csystem_epoll_change(
            channel.pointee.transport.pointee.epoll, channel.pointee.socket, channel, canRead ? 1 : 0,
            channel.pointee.isWatchedForRoom ? 1 : 0)
    }

    static func destroy(_ channel: UnsafeMutablePointer<TCPChannel>) {
        unsafe channel.pointee.held?.deallocate()
        unsafe Glibc.close(channel.pointee.socket)
        unsafe channel.deinitialize(count: 1)
        unsafe channel.deallocate()
    }
}
