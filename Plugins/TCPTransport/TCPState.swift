import CSystem

/// What all TCP connections of an endpoint share: raw, so that polling costs no reference count.
@unsafe struct TCPState {
    /// Room for what is read ahead of the engine's choice of a place, in bytes.
    static let stagingByteCount = 65_536
    static let eventLimit = 64
    /// Channels that wait for their peer's end at most: a peer that never ends would keep its descriptor for ever.
    static let lingeringLimit = 128
    /// Silent sockets are left alone for so long, in ticks: one to four microseconds.
    private static let longestPause: UInt64 = 4_000

    let epoll: Int32
    let staging: UnsafeMutableRawPointer
    let events: UnsafeMutablePointer<csystem_event>
    /// Channels closed during a call to the engine: the caller, or the list of events, may still name them.
    var closed: TCPChannel.Pointer?
    /// Channels that wait for their peer's end.
    var lingering: TCPChannel.Pointer?
    var oldestLingering: TCPChannel.Pointer?
    var lingeringCount = 0
    /// Sockets that epoll watches.
    var watchedCount = 0
    /// The only one of them, if it is known: asking it saves asking epoll first.
    var soleWatched: TCPChannel.Pointer?
    var outbox = unsafe TCPOutbox()
    /// Tells messages of one burst from others.
    var pollCount: UInt64 = 0
    /// Something came or went, or may have: the next poll looks at the sockets.
    var isStirred = true
    /// When a poll found that, and when one looked, in ticks.
    private var stirredAt: UInt64 = 0
    private var lookedAt: UInt64 = 0
    /// Polls and resumes under way, which may call the engine.
    var callDepth = 0

    static func make(epoll: Int32) -> UnsafeMutablePointer<TCPState> {
        let state = UnsafeMutablePointer<TCPState>.allocate(capacity: 1)
        unsafe state.initialize(
            to: TCPState(
                epoll: epoll, staging: .allocate(byteCount: stagingByteCount, alignment: 64),
                events: .allocate(capacity: eventLimit)))
        return unsafe state
    }

    // Hot path.
    /// Whether a poll is to look at the sockets, which takes a system call. The longer they are silent, the rarer that is;
    /// but no wait gets longer by more than a sixty-fourth.
    mutating func takesLook() -> Bool {
        let now = csystem_ticks()
        if unsafe isStirred {
            unsafe (isStirred, stirredAt) = (false, now)
        } else if unsafe now &- lookedAt < min((lookedAt &- stirredAt) / 64, Self.longestPause) {
            return false
        }
        unsafe lookedAt = now
        return true
    }

    mutating func watched(_ channel: TCPChannel.Pointer) {
        unsafe watchedCount += 1
        unsafe isStirred = true
        unsafe soleWatched = watchedCount == 1 ? channel : nil
    }

    mutating func unwatched() {
        unsafe watchedCount -= 1
        unsafe soleWatched = nil
    }

    static func enter(_ state: UnsafeMutablePointer<TCPState>) { unsafe state.pointee.callDepth += 1 }

    /// Frees what was closed meanwhile, when nobody further out can be looking at it.
    static func leave(_ state: UnsafeMutablePointer<TCPState>) {
        unsafe state.pointee.callDepth -= 1
        guard unsafe state.pointee.callDepth == 0 else { return }
        while let channel = unsafe state.pointee.closed {
            unsafe state.pointee.closed = channel.pointee.next
            unsafe TCPChannel.destroy(channel)
        }
    }

    mutating func addLingering(_ channel: TCPChannel.Pointer) {
        unsafe channel.pointee.next = lingering
        if let first = unsafe lingering {
            unsafe first.pointee.previous = channel
        } else {
            unsafe oldestLingering = channel
        }
        unsafe lingering = channel
        unsafe lingeringCount += 1
    }

    mutating func removeLingering(_ channel: TCPChannel.Pointer) {
        let (previous, next) = unsafe (channel.pointee.previous, channel.pointee.next)
        unsafe lingeringCount -= 1
        if let next = unsafe next {
            unsafe next.pointee.previous = previous
        } else {
            unsafe oldestLingering = previous
        }
        if let previous = unsafe previous {
            unsafe previous.pointee.next = next
        } else {
            unsafe lingering = next
        }
    }

    static func destroy(_ state: UnsafeMutablePointer<TCPState>) {
        // What has arrived by now is the last chance not to reset the connection.
        while let channel = unsafe state.pointee.lingering {
            unsafe drain(channel)
            guard unsafe state.pointee.lingering == channel else { continue }
            unsafe state.pointee.removeLingering(channel)
            unsafe TCPChannel.finish(channel)
        }
        unsafe state.pointee.staging.deallocate()
        unsafe state.pointee.outbox.deallocate()
        unsafe state.pointee.events.deallocate()
        unsafe state.deinitialize(count: 1)
        unsafe state.deallocate()
    }
}
