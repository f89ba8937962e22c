import CHandfast
import CSystem
import TransportAPI

/// One shared-memory connection: raw state, used by the table's functions on the endpoint's thread.
@unsafe struct SharedMemoryChannel: ~Copyable {
    enum Phase: UInt8 {
        case open
        /// The engine took only part; nothing is delivered until it resumes.
        case paused
        /// The engine was told the end.
        case ended
        /// The engine has closed it; freed after the poll.
        case closed
    }

    typealias Pointer = UnsafeMutablePointer<SharedMemoryChannel>

    var phase = Phase.open
    /// Waits for room; the peer was told so unless it is looked at with every poll.
    var isWaiting = false
    /// Its ring is looked at with every poll, so the peer does not ring.
    var isHot = false
    /// The last poll that found a packet followed one that did too.
    var comesInBursts = false
    var producer: RingProducer
    var consumer: RingConsumer
    let mine: PairMemory.Words
    let peers: PairMemory.Words
    let engine: UnsafePointer<hf_engine_operations>
    let connection: UnsafeMutableRawPointer
    let transport: UnsafeMutablePointer<SharedMemoryState>
    /// Bytes of the first packet that the engine has taken.
    var takenByteCount = 0
    /// Lines freed since the peer's wish for room was last looked at.
    var uncheckedLineCount = 0
    /// Sends since the last poll, as far as they matter, and the poll.
    var directCount: UInt8 = 0
    var lastSend: UInt64 = 0
    /// The poll in which it last received.
    var lastActive: UInt64 = 0
    /// Nil while it has no bulk memory to write to.
    var bulk: UnsafeMutablePointer<BulkProducer>?
    /// Where it goes on when it has some again.
    var nextSlot = 0
    /// The poll in which it last wrote to bulk memory.
    var lastBulk: UInt64 = 0
    /// Nil before the first large payload, either way.
    private var choice: UnsafeMutablePointer<ReadChoice>?
    let peerDoorbell: Doorbell
    var link: Link
    var peerHeap = PeerHeap()
    var help: ReadHelp
    let peersOffer: CopyOffer
    var nextClosed: Pointer?

    static func make(
        _ link: consuming Link, transport: UnsafeMutablePointer<SharedMemoryState>,
        engine: UnsafePointer<hf_engine_operations>, connection: UnsafeMutableRawPointer
    ) -> Pointer {
        let memory = unsafe PairMemory(link.segment.memory.baseAddress!, role: link.role)
        let channel = Pointer.allocate(capacity: 1)
        let bit = link.slot.bit
        unsafe channel.initialize(
            to: SharedMemoryChannel(
                producer: RingProducer(memory: memory.outgoing, lineCount: PairMemory.lineCount),
                consumer: RingConsumer(memory: memory.incoming, lineCount: PairMemory.lineCount),
                mine: memory.mine, peers: memory.peers, engine: engine, connection: connection, transport: transport,
                peerDoorbell: Doorbell(link.peerDoorbell.memory.baseAddress!),
                link: link, help: ReadHelp(memory.myOffer), peersOffer: memory.peersOffer))
        unsafe transport.pointee.slots[bit] = channel
        unsafe SharedMemoryState.tellOfHeap(channel)
        // The peer may have sent and rung before there was a channel to look for.
        unsafe ringOwn(channel)
        return unsafe channel
    }

    static func destroy(_ channel: Pointer) {
        if let choice = unsafe channel.pointee.choice { unsafe choice.deallocate() }
        unsafe SharedMemoryState.dropPeerHeap(channel)
        unsafe channel.deinitialize(count: 1)
        unsafe channel.deallocate()
    }

    /// Has the next poll look at this channel.
    static func ringOwn(_ channel: Pointer) {
        let transport = unsafe channel.pointee.transport
        // Armed already, perhaps: then its thread is about to sleep.
        if unsafe transport.pointee.doorbell.ring(channel.pointee.link.slot.bit) {
            unsafe csystem_bell_ring(transport.pointee.bell)
        }
    }

    /// Has the peer look at this channel, and wakes it if it sleeps.
    static func ringPeer(_ channel: Pointer) {
        if unsafe channel.pointee.peerDoorbell.ring(channel.pointee.link.peerBit) {
            unsafe csystem_bell_ring(channel.pointee.link.peerBell.number)
        }
    }

    // Hot path.
    /// Made when it is first needed.
    static func choice(of channel: Pointer) -> UnsafeMutablePointer<ReadChoice> {
        if let choice = unsafe channel.pointee.choice { return unsafe choice }
        let choice = UnsafeMutablePointer<ReadChoice>.allocate(capacity: 1)
        unsafe choice.initialize(to: ReadChoice())
        unsafe channel.pointee.choice = choice
        return unsafe choice
    }

    /// Tells the peer when its wishes change.
    static func note(_ read: PendingRead) {
        let channel = unsafe read.channel
        let wishes = unsafe choice(of: channel).pointee.noteRead(
            read.readByteCount, isInHeap: read.isInHeap, ticks: read.ticks)
        if unsafe csystem_load(channel.pointee.mine.wishes) != wishes {
            unsafe csystem_store_release(channel.pointee.mine.wishes, wishes)
        }
    }

    static func makeOperations() -> UnsafePointer<hf_transport_operations> {
        let operations = UnsafeMutablePointer<hf_transport_operations>.allocate(capacity: 1)
        unsafe operations.initialize(
            to: hf_transport_operations(
                byte_count: UInt32(MemoryLayout<hf_transport_operations>.size), version: UInt32(HF_TRANSPORT_VERSION),
                poll: sharedMemoryPoll, arm: sharedMemoryArm, send: sharedMemorySend, resume: sharedMemoryResume,
                read: sharedMemoryRead, close: sharedMemoryClose, expose: nil, conceal: nil,
                keep: nil, forget: nil, read_is_sooner: sharedMemoryReadIsSooner,
                allocate: sharedMemoryAllocate, release: sharedMemoryRelease))
        return unsafe UnsafePointer(operations)
    }
}
