import CEpoll
import Glibc
import TransportAPI

/// What all channels of an endpoint share.
struct StreamState {
    static let readAhead = Setting<Int>.byteCount(
        "HANDFAST_STREAM_READ_AHEAD", default: 65_536, in: 4_096...(1 << 20),
        help: "The most bytes that are read where the engine has no place for them yet.")

    let epoll: Int32
    let stagingByteCount: Int
    let staging: UnsafeMutableRawPointer
    let events = UnsafeMutablePointer<cepoll_event>.allocate(capacity: 64)
    /// Calls of the engine under way: what it closes in them is freed after the outermost.
    private var depth = 0
    private var freed: StreamChannel.Pointer?
    /// Closed by the engine, and the peer has not closed yet.
    private var lingering: [StreamChannel.Pointer] = []
    /// A peer that never closes would keep its descriptor for ever.
    private static let lingeringLimit = 128

    init(epoll: Int32, stagingByteCount: Int) {
        self.epoll = epoll
        self.stagingByteCount = stagingByteCount
        staging = .allocate(byteCount: stagingByteCount, alignment: 64)
    }

    static func end(_ shared: UnsafeMutablePointer<StreamState>) {
        for channel in shared.pointee.lingering { finish(channel) }
        close(shared.pointee.epoll)
        shared.pointee.staging.deallocate()
        shared.pointee.events.deallocate()
        shared.deinitialize(count: 1)
    }

    static func enter(_ shared: UnsafeMutablePointer<StreamState>) { shared.pointee.depth += 1 }

    static func leave(_ shared: UnsafeMutablePointer<StreamState>) {
        shared.pointee.depth -= 1
        guard shared.pointee.depth == 0 else { return }
        while let channel = shared.pointee.freed {
            shared.pointee.freed = channel.pointee.nextFreed
            StreamChannel.free(channel)
        }
    }

    static func linger(_ channel: StreamChannel.Pointer) {
        let shared = channel.pointee.shared
        shared.pointee.lingering.append(channel)
        if shared.pointee.lingering.count > lingeringLimit { finish(shared.pointee.lingering[0]) }
    }

    /// Closes the socket, and frees the channel when nobody can be looking at it.
    static func finish(_ channel: StreamChannel.Pointer) {
        let shared = channel.pointee.shared
        shared.pointee.lingering.removeAll { $0 == channel }
        channel.pointee.phase = .closed
        StreamChannel.watch(channel)
        close(channel.pointee.socket)
        enter(shared)
        channel.pointee.nextFreed = shared.pointee.freed
        shared.pointee.freed = channel
        leave(shared)
    }
}
