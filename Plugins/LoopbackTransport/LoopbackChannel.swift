import CHandfast

/// One end of a connection: raw state, used by the table's functions on the endpoint's thread.
///
/// Both ends are made together and freed together, so that each can always look at the other.
@unsafe struct LoopbackChannel {
    typealias Pointer = UnsafeMutablePointer<LoopbackChannel>

    @unsafe enum Phase {
        /// Both attempts accepted, and this end is not open yet.
        case agreed
        case open(LoopbackUser)
        case closed
        /// It never opened: its attempt was given up.
        case abandoned
    }

    /// What becomes of the bytes that arrive.
    enum Inbound {
        case flowing
        /// The engine did not take all; nothing more until it resumes.
        case held
        /// The engine was told that the channel has ended.
        case ended
    }

    /// What this end's sender waits for.
    enum Outbound {
        case free
        /// A send was short; the engine is to be told of room.
        case full
        /// There is room again, and the engine was not told yet.
        case owesRoom
    }

    let transport: UnsafeMutablePointer<LoopbackState>
    /// The other end; itself when a connection is its own peer.
    var peer: Pointer
    var phase = unsafe Phase.agreed
    var inbox = unsafe LoopbackRing()
    var inbound = Inbound.flowing
    var outbound = Outbound.free
    /// Reads that have not ended.
    var readCount = 0

    var isReady = false
    var readyRound: UInt64 = 0
    var previousReady: Pointer?
    var nextReady: Pointer?
    var nextFinished: Pointer?

    static func makePair(transport: UnsafeMutablePointer<LoopbackState>) -> (Pointer, Pointer) {
        let (one, other) = (Pointer.allocate(capacity: 1), Pointer.allocate(capacity: 1))
        unsafe one.initialize(to: LoopbackChannel(transport: transport, peer: other))
        unsafe other.initialize(to: LoopbackChannel(transport: transport, peer: one))
        return unsafe (one, other)
    }

    static func makeMirror(transport: UnsafeMutablePointer<LoopbackState>) -> Pointer {
        let channel = Pointer.allocate(capacity: 1)
        unsafe channel.initialize(to: LoopbackChannel(transport: transport, peer: channel))
        return unsafe channel
    }

    /// The engine that this end may call, if it is open.
    var user: LoopbackUser? {
        switch unsafe phase {
        case .open(let user): unsafe user
        case .agreed, .closed, .abandoned: nil
        }
    }

    /// True when nothing more can come from this end.
    var isOver: Bool {
        switch unsafe phase {
        case .agreed, .open: false
        case .closed, .abandoned: true
        }
    }

    static func open(_ channel: Pointer, user: LoopbackUser) {
        unsafe channel.pointee.phase = .open(user)
        // The other end may have sent already, and may even be gone.
        unsafe notice(channel)
    }

    /// Its attempt ends without `open`.
    static func abandon(_ channel: Pointer) { unsafe end(channel, as: .abandoned) }

    // Hot path.
    /// Has the next poll look at a channel, if there is something for its engine.
    static func notice(_ channel: Pointer) {
        guard unsafe channel.pointee.user != nil else { return }
        let hasNews: Bool
        switch unsafe channel.pointee.inbound {
        case .flowing: unsafe hasNews = channel.pointee.inbox.count > 0 || channel.pointee.peer.pointee.isOver
        case .held, .ended: hasNews = false
        }
        guard unsafe hasNews || channel.pointee.outbound == .owesRoom else { return }
        unsafe channel.pointee.transport.pointee.addReady(channel)
    }

    /// No call to its engine after this.
    static func end(_ channel: Pointer, as phase: Phase) {
        let (transport, peer) = unsafe (channel.pointee.transport, channel.pointee.peer)
        unsafe channel.pointee.phase = phase
        unsafe transport.pointee.removeReady(channel)
        unsafe transport.pointee.reads.remove(channel)
        guard unsafe peer.pointee.isOver else { return unsafe notice(peer) }
        guard unsafe transport.pointee.isPolling else { return unsafe destroyPair(channel) }
        unsafe channel.pointee.nextFinished = transport.pointee.finished
        unsafe transport.pointee.finished = channel
    }

    static func destroyPair(_ channel: Pointer) {
        let peer = unsafe channel.pointee.peer
        unsafe destroy(channel)
        if unsafe peer != channel { unsafe destroy(peer) }
    }

    private static func destroy(_ channel: Pointer) {
        unsafe channel.pointee.inbox.deallocate()
        unsafe channel.deinitialize(count: 1)
        unsafe channel.deallocate()
    }
}
