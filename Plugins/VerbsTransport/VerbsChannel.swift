import CHandfast
import CVerbs

/// One connection: raw state, used by the table's functions on the endpoint's thread.
@unsafe struct VerbsChannel {
    typealias Pointer = UnsafeMutablePointer<VerbsChannel>

    enum Phase {
        /// Its attempt has not opened it yet; what comes is kept.
        case joining
        case open
        /// The engine was told of the end and has not closed yet.
        case ended
        /// The engine closed; what it had sent is on its way.
        case leaving
        /// On its way out of the device.
        case broken
    }

    /// What the queue pair holds for one thing that is posted.
    @unsafe struct SendSlot {
        /// -1 for none.
        var buffer: Int32 = -1
        /// Of the piece that is read, as the next.
        var readByteCount: UInt32 = 0
        var read: UnsafeMutablePointer<VerbsRead>?
        /// Over, though something before it is not.
        var isDone = false
        /// From a bulk slot.
        var isBulk = false
    }

    /// Things posted to send, at most; a power of two.
    static let sendCount: UInt16 = 32
    /// So many may wait for one completion.
    static let signalInterval: UInt16 = 8
    /// As many bytes as a small message has, with all that is before it.
    static let inlineByteCount: UInt32 = 128
    /// Credits of a peer that has never sent, one that has, and one that wants more; besides, each has a buffer for control.
    static let firstCredits = 1
    static let activeCredits = 8
    static let creditLimit = 64

    let device: VerbsDevice.Pointer
    let pair: OpaquePointer
    let number: UInt32
    let port: UInt8
    let inlineLimit: Int
    var phase = Phase.joining
    var engine: UnsafePointer<hf_engine_operations>?
    var connection: UnsafeMutableRawPointer?
    var frameByteLimit = unsafe BufferPool.bufferByteCount
    var readLimit = 1
    var readByteLimit = unsafe VerbsRead.pieceByteCount
    /// Of iWARP, where librdmacm connects; gone with the queue pair.
    var rdmaConnection: OpaquePointer?
    /// When it goes though the peer has not closed, after `LingeringChannels.start`. No instant of a clock: with a field whose
    /// size the compiler does not know, each use of any field asks for where it lies.
    var lingersUntil: Duration?
    var previousLingering: Pointer?
    var nextLingering: Pointer?
    /// The peer has ended without a last frame.
    var isCut = false
    /// Opened, and what came before has not been delivered.
    var isFresh = false
    /// Rung when the attempt has something to look at; -1 when it is over.
    var attention: Int32 = -1
    /// Where the read that shows that the path works puts what it finds, and its status when it has ended.
    var proofBuffer: Int32 = -1
    var proofStatus: UInt16?

    // Sending.
    let slots: UnsafeMutablePointer<SendSlot>
    var posted: UInt16 = 0
    var completed: UInt16 = 0
    var unsignaled: UInt16 = 0
    var credits = 0
    /// The peer has a buffer for a control frame.
    var mayControl = true
    /// The engine was told that a send did not take all.
    var owesRoom = false
    /// The engine closed, and the last frame has not gone out.
    var owesEnd = false
    /// The device did not take all that was to be posted, so some of it will have no completion.
    var wasPostRefused = false
    /// Bulk slots that the peer has offered, after it was asked once.
    var outgoing: BulkSlots.Pointer?
    var hasAskedForSlots = false
    /// Bytes in the next slot that are to be sent; what follows them goes there too.
    var runByteCount = 0
    /// The engine is being told of something, and what it sends meanwhile goes together.
    var isGathering = false
    /// The frame that this is put into, and how many bytes of the stream it has; -1 for none.
    var openBuffer: Int32 = -1
    var openByteCount = 0
    /// What is to be sent is for a slot, and none is free.
    var waitsForSlot = false

    // Receiving.
    /// Credits that the peer has, or will be given back.
    var granted = unsafe VerbsChannel.firstCredits
    /// Of these, those to be given back, and those that the peer may use.
    var owed = 0
    var usable = unsafe VerbsChannel.firstCredits
    /// The peer sent a control frame, and has not been told that it was received.
    var owesAcknowledgement = false
    /// The peer will send nothing more.
    var hasPeerEnded = false
    /// Buffers that the engine has not taken whole, in order.
    var firstHeld: Int32 = -1
    var lastHeld: Int32 = -1
    /// The engine is being offered them.
    var isDelivering = false
    /// Bytes of the first that are taken.
    var heldOffset = 0
    /// Bulk slots set aside for the peer, which is to be told.
    var incoming: BulkSlots.Pointer?
    var owesOffer = false

    // Reading.
    var firstRead: UnsafeMutablePointer<VerbsRead>?
    var lastRead: UnsafeMutablePointer<VerbsRead>?
    var readsUnderWay = 0
    var bytesUnderWay: UInt64 = 0
    var exposures: UnsafeMutablePointer<ExposureTable>?

    /// Why it broke, and what the user is told.
    var error: Int32 = 0
    var failure: UnsafeMutablePointer<CChar>?
    var peerText: UnsafeMutablePointer<CChar>?

    var isTouched = false
    var nextTouched: Pointer?
    var next: Pointer?

    /// A queue pair, with buffers set aside for what its peer may send.
    /// - Parameter error: an errno when there is none.
    static func make(_ device: VerbsDevice.Pointer, port: UInt8, _ error: inout Int32) -> Pointer? {
        guard unsafe device.pointee.reserve(firstCredits + 1) else {
            error = unsafe device.pointee.pool.error
            return nil
        }
        var sizes = unsafe cverbs_queue_sizes(send_count: UInt32(sendCount), inline_byte_count: inlineByteCount)
        var status: Int32 = 0
        guard let pair = unsafe cverbs_queue_pair_make(device.pointee.handle, port, &sizes, &status) else {
            unsafe device.pointee.release(firstCredits + 1)
            error = -status
            return nil
        }
        let slots = unsafe UnsafeMutablePointer<SendSlot>.allocate(capacity: Int(sendCount))
        unsafe slots.initialize(repeating: SendSlot(), count: Int(sendCount))
        let channel = Pointer.allocate(capacity: 1)
        unsafe channel.initialize(
            to: VerbsChannel(
                device: device, pair: pair, number: cverbs_queue_pair_number(pair), port: port,
                inlineLimit: Int(sizes.inline_byte_count), slots: slots))
        unsafe device.pointee.channels.add(channel)
        return unsafe channel
    }

    /// The engine takes over.
    static func open(
        _ channel: Pointer, engine: UnsafePointer<hf_engine_operations>, connection: UnsafeMutableRawPointer
    ) {
        unsafe channel.pointee.engine = unsafe engine
        unsafe channel.pointee.connection = unsafe connection
        unsafe channel.pointee.phase = .open
        unsafe channel.pointee.attention = -1
        unsafe dropProof(channel)
        unsafe channel.pointee.isFresh = true
        // The peer may have sent before.
        unsafe touch(channel)
    }

    static func dropProof(_ channel: Pointer) {
        guard unsafe channel.pointee.proofBuffer >= 0 else { return }
        unsafe channel.pointee.device.pointee.pool.give(channel.pointee.proofBuffer)
        unsafe channel.pointee.proofBuffer = -1
    }

    // Hot path.
    /// Has the poll look at the channel once it has taken what has come.
    static func touch(_ channel: Pointer) {
        guard unsafe !channel.pointee.isTouched else { return }
        let device = unsafe channel.pointee.device
        unsafe channel.pointee.isTouched = true
        unsafe channel.pointee.nextTouched = unsafe device.pointee.firstTouched
        unsafe device.pointee.firstTouched = unsafe channel
    }

    static func makeOperations() -> UnsafePointer<hf_transport_operations> {
        let operations = UnsafeMutablePointer<hf_transport_operations>.allocate(capacity: 1)
        unsafe operations.initialize(
            to: hf_transport_operations(
                byte_count: UInt32(MemoryLayout<hf_transport_operations>.size), version: UInt32(HF_TRANSPORT_VERSION),
                poll: verbsPoll, arm: verbsArm, send: verbsSend, resume: verbsResume, read: verbsRead,
                close: verbsClose, expose: verbsExpose, conceal: verbsConceal, keep: verbsKeep, forget: verbsForget,
                read_is_sooner: nil, allocate: nil, release: nil))
        return unsafe UnsafePointer(operations)
    }
}
