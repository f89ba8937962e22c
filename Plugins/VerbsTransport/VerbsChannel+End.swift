import CHandfast
import CSystem
import CVerbs
import Glibc

@c(handfast_verbs_close) func verbsClose(_ state: UnsafeMutableRawPointer?) {
    let channel = unsafe state!.assumingMemoryBound(to: VerbsChannel.self)
    let wasOpen = unsafe channel.pointee.phase == .open && channel.pointee.error == 0
    // Credits for what is dropped here are not given back: the peer is to send nothing more.
    unsafe channel.pointee.phase = .leaving
    unsafe VerbsChannel.dropHeld(channel)
    // Memory that is being read into is the program's again, so nothing may come into it any more.
    guard wasOpen, unsafe channel.pointee.firstRead == nil else { return unsafe VerbsChannel.destroyPair(channel) }
    unsafe channel.pointee.owesEnd = unsafe !channel.pointee.hasPeerEnded
    unsafe VerbsChannel.touch(channel)
    unsafe VerbsChannel.leave(channel)
}

extension VerbsChannel {
    /// Sends the last frame when there is a buffer for it, and goes when all has arrived.
    static func leave(_ channel: Pointer) {
        // What is gathered waits for this side's device alone, and the end for it.
        if unsafe channel.pointee.owesEnd, unsafe sendGathered(channel) { unsafe sendEnd(channel) }
        let isDone =
            unsafe !channel.pointee.owesEnd && channel.pointee.posted == channel.pointee.completed
            && hasArrived(channel)
        // Nobody reads any more what is on its way to a peer that has ended.
        if unsafe isDone || channel.pointee.hasPeerEnded || channel.pointee.error != 0 { unsafe breakPair(channel) }
    }

    private static func sendEnd(_ channel: Pointer) {
        if unsafe hasPlace(channel, 0) {
            if unsafe channel.pointee.credits > 0 {
                unsafe channel.pointee.owesEnd = false
                unsafe sendControl(channel, .end)
            } else if unsafe channel.pointee.mayControl {
                unsafe channel.pointee.owesEnd = false
                unsafe sendControl(channel, [.end, .control])
            }
        }
        // The peer may be dead, and never have a buffer.
        if unsafe channel.pointee.owesEnd { unsafe linger(channel, VerbsTiming.waitingToEnd) }
    }

    /// Has it go after a while, whatever it waits for.
    static func linger(_ channel: Pointer, _ limit: Duration) {
        guard unsafe channel.pointee.lingersUntil == nil else { return }
        unsafe channel.pointee.device.pointee.lingering.add(channel, until: ContinuousClock.now + limit)
    }

    /// The connection works no more. May call the engine.
    static func fail(_ channel: Pointer, _ error: Int32, _ text: String) {
        unsafe breakLater(channel, error, text)
        if unsafe channel.pointee.phase == .open { unsafe report(channel) }
    }

    /// Something that was posted has failed.
    static func fail(_ channel: Pointer, _ status: UInt16) {
        // What was posted behind the first failure says nothing of its own.
        guard unsafe channel.pointee.error == 0, unsafe channel.pointee.phase != .ended else { return }
        guard cverbs_failure(status) != CVERBS_FAILURE_EARLIER else {
            return unsafe fail(channel, ECONNRESET, "its queue pair was broken")
        }
        let text = unsafe String(cString: cverbs_status_text(status))
        // Told before its event is, and the reason for what else is wrong.
        if unsafe isDown(channel.pointee.device, channel.pointee.port) {
            return unsafe fail(channel, ENETDOWN, "\(text), as \(textOfDown(channel.pointee.port))")
        }
        let (error, advice) = unsafe VerbsChannel.meaning(of: status)
        unsafe fail(channel, error, "\(text)\(advice)")
    }

    static func isDown(_ device: VerbsDevice.Pointer, _ port: UInt8) -> Bool {
        var attributes = cverbs_port()
        return unsafe cverbs_port_query(device.pointee.handle, port, &attributes) == 0 && attributes.is_active == 0
    }

    static func textOfDown(_ port: UInt8) -> String {
        "port \(port) of the device is down; look at the cable, the switch, or `ip link`"
    }

    /// The same from within a call of the engine's: it is told with the next poll.
    static func breakLater(_ channel: Pointer, _ error: Int32, _ text: String) {
        guard unsafe channel.pointee.error == 0, unsafe channel.pointee.phase != .broken else { return }
        let place = unsafe channel.pointee.peerText.map { unsafe String(cString: $0) } ?? "its peer"
        unsafe channel.pointee.error = error
        unsafe channel.pointee.failure = unsafe strdup("verbs to \(place): \(text)")
        unsafe cverbs_queue_pair_break(channel.pointee.pair)
        if unsafe channel.pointee.attention >= 0 { unsafe csystem_event_ring(channel.pointee.attention) }
        unsafe touch(channel)
    }

    /// Tells the engine of a failure.
    static func report(_ channel: Pointer) {
        unsafe dropHeld(channel)
        unsafe tellEnd(channel)
    }

    /// The connection is over. Tells the engine so, at once or when no read can write into memory any more.
    static func tellEnd(_ channel: Pointer) {
        unsafe channel.pointee.phase = .ended
        guard unsafe stopReads(channel) else { return }
        unsafe channel.pointee.device.pointee.lingering.remove(channel)
        unsafe failReads(channel, ECONNRESET)
        guard unsafe channel.pointee.phase == .ended else { return }
        let (engine, connection) = unsafe (channel.pointee.engine!, channel.pointee.connection)
        if unsafe channel.pointee.error == 0 {
            unsafe engine.pointee.closed(connection, 0)
        } else {
            unsafe engine.pointee.lost(connection, channel.pointee.error, channel.pointee.failure)
        }
    }

    // Hot path.
    /// Whether the engine is still to be told, by `tellEnd`.
    static func waitsToTell(_ channel: Pointer) -> Bool {
        unsafe channel.pointee.phase == .ended && channel.pointee.lingersUntil != nil
    }

    /// Status of a completion, as an errno and what to look at.
    private static func meaning(of status: UInt16) -> (Int32, String) {
        switch cverbs_failure(status) {
        case CVERBS_FAILURE_NO_ANSWER:
            (
                ETIMEDOUT,
                " (no answer after \(VerbsTiming.retryCount) tries, \(VerbsTiming.retryMilliseconds) ms apart at the least); look at"
                    + " the link, the switch and the peer"
            )
        case CVERBS_FAILURE_NO_BUFFER: (ECONNABORTED, "; the peer has no buffers, which must not be")
        case CVERBS_FAILURE_REMOTE_ACCESS: (EACCES, "; the peer's memory is not registered any more")
        default: (EIO, "")
        }
    }

    // MARK: Out of the device

    /// The attempt that made it has been given up.
    static func abandon(_ channel: Pointer) {
        unsafe channel.pointee.phase = .leaving
        unsafe channel.pointee.attention = -1
        unsafe dropHeld(channel)
        if unsafe !awaitsAnswer(channel) { unsafe destroyPair(channel) }
    }

    /// Has the queue pair destroyed when the completion queue is empty.
    static func breakPair(_ channel: Pointer) {
        guard unsafe channel.pointee.phase != .broken, unsafe !awaitsAnswer(channel) else { return }
        let device = unsafe channel.pointee.device
        unsafe channel.pointee.phase = .broken
        unsafe channel.pointee.next = unsafe device.pointee.firstBroken
        unsafe device.pointee.firstBroken = unsafe channel
    }

    /// Nothing is sent or received after this; the channel is freed when no completion can name it.
    static func destroyPair(_ channel: Pointer) {
        let device = unsafe channel.pointee.device
        unsafe channel.pointee.phase = .broken
        unsafe device.pointee.channels.remove(channel)
        unsafe dropConnection(channel)
        unsafe device.pointee.lingering.remove(channel)
        // Some drivers throw away what a queue pair had completed when it is destroyed, and with it receive buffers.
        unsafe cverbs_queue_pair_break(channel.pointee.pair)
        unsafe device.pointee.stashAll()
        unsafe device.pointee.stash.disown(channel.pointee.number)
        unsafe cverbs_queue_pair_destroy(channel.pointee.pair)
        unsafe dropSends(channel)
        unsafe dropProof(channel)
        unsafe dropReads(channel)
        unsafe dropExposures(channel)
        unsafe dropSlots(channel)
        unsafe device.pointee.release(channel.pointee.granted + 1)
        unsafe channel.pointee.next = unsafe device.pointee.firstDestroyed
        unsafe device.pointee.firstDestroyed = unsafe channel
    }

    static func free(_ channel: Pointer) {
        unsafe channel.pointee.slots.deallocate()
        unsafe Glibc.free(channel.pointee.failure)
        unsafe Glibc.free(channel.pointee.peerText)
        unsafe channel.deinitialize(count: 1)
        unsafe channel.deallocate()
    }
}
