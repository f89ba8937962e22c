import CSystem
import CVerbs
import Glibc

/// One opened device of an endpoint: its queues and buffers, shared by all connections over it. Raw, so that polling costs no
/// reference count.
@unsafe struct VerbsDevice {
    typealias Pointer = UnsafeMutablePointer<VerbsDevice>
    typealias Channel = VerbsChannel.Pointer

    /// Buffers of one device that sends may hold at once.
    static let sendBufferLimit = 256
    /// Those that receives leave to sends in any case: with none at all no send would end, and none wait for an end.
    static let leastSendBufferCount = 16
    /// Completions taken with one call.
    static let batch = Int(CVERBS_WORK_LIMIT)

    let maker = Maker()
    let handle: OpaquePointer
    /// Its queue pairs are connected by librdmacm alone.
    let isIWARP: Bool
    let receiveLimit: Int
    /// What is posted to send and has no completion yet must find room in the completion queue.
    let outstandingLimit: Int
    /// A page with a number that peers read to see that the path works.
    let proof: UnsafeMutablePointer<UInt64>
    let proofRegion: OpaquePointer
    var pool: BufferPool
    var cache: RegistrationCache
    var channels = unsafe ChannelTable()

    /// Buffers that connections rely on, and those that are set aside for receiving: posted, about to be, or full.
    private(set) var reservedCount = 0
    /// Of bulk slots, counted in buffers.
    private(set) var slotBufferCount = 0
    private var receiveCount = 0
    /// About to be posted.
    private let unposted: UnsafeMutablePointer<Int32>
    private var unpostedCount = 0
    private let receives: UnsafeMutablePointer<cverbs_receive>

    /// It takes part in nothing any more; its name may be that of another one now, or of itself again.
    private(set) var isGone = false
    /// The epoll descriptor that knows its descriptors.
    private var watcher: Int32 = -1

    var outstandingCount = 0
    var sendBufferCount = 0
    /// A channel found no buffer or place that is not its own to wait for.
    var hasStarved = false
    /// What `post` gives to the device next, and where its inline frames lie.
    let works: UnsafeMutablePointer<cverbs_work>
    var workCount = 0
    let scratch: UnsafeMutableRawPointer
    let completions: UnsafeMutablePointer<cverbs_completion>
    /// Taken from the completion queue out of turn, for the next polls.
    var stash = unsafe CompletionStash()
    /// Channels that `settle` looks at, after what has come.
    var firstTouched: Channel?
    /// Channels whose queue pair is to be destroyed when the completion queue is empty, and those to be freed the next time.
    var firstBroken: Channel?
    var firstDestroyed: Channel?
    /// The last look at the completion queue came to its end.
    private(set) var isDrained = false
    private var pollCount: UInt64 = 0
    /// The poll that looked at them last.
    private var lastEvents: UInt64 = 0
    /// Channels that wait for their peer to close, or for the device to give up reads.
    var lingering = unsafe LingeringChannels()

    /// - Parameter error: an errno when there is none.
    static func open(_ name: String, receiveByteCount: Int, _ error: inout Int32) -> Pointer? {
        var sizes = unsafe cverbs_sizes(
            receive_count: UInt32(receiveByteCount / BufferPool.bufferByteCount),
            completion_count: UInt32(receiveByteCount / BufferPool.bufferByteCount) + 16_384)
        var status: Int32 = 0
        guard let handle = unsafe cverbs_device_open(name, &sizes, &status) else {
            error = -status
            return nil
        }
        // The queue must hold what may arrive, and as many of what may be sent as there is room for.
        let receiveLimit = min(Int(sizes.receive_count), Int(sizes.completion_count) / 2)
        let page = UnsafeMutableRawPointer.allocate(byteCount: 4096, alignment: 4096)
        unsafe page.initializeMemory(as: UInt8.self, repeating: 0, count: 4096)
        guard let region = unsafe cverbs_register(handle, page, 4096, CVERBS_REMOTE_READ, &status) else {
            error = -status
            unsafe page.deallocate()
            unsafe cverbs_device_close(handle)
            return nil
        }
        let device = Pointer.allocate(capacity: 1)
        unsafe device.initialize(
            to: VerbsDevice(
                handle, receiveLimit: receiveLimit, outstandingLimit: Int(sizes.completion_count) - receiveLimit,
                proof: page.bindMemory(to: UInt64.self, capacity: 512), region))
        return unsafe device
    }

    private init(
        _ handle: OpaquePointer, receiveLimit: Int, outstandingLimit: Int, proof: UnsafeMutablePointer<UInt64>,
        _ proofRegion: OpaquePointer
    ) {
        unsafe self.handle = unsafe handle
        unsafe isIWARP = unsafe cverbs_connection_descriptor(handle) >= 0
        unsafe self.receiveLimit = receiveLimit
        unsafe self.outstandingLimit = outstandingLimit
        unsafe (self.proof, self.proofRegion) = unsafe (proof, proofRegion)
        unsafe pool = unsafe BufferPool(handle, bufferLimit: receiveLimit + Self.sendBufferLimit)
        unsafe cache = unsafe RegistrationCache(handle, splitsKept: cverbs_connection_descriptor(handle) >= 0)
        unsafe unposted = unsafe .allocate(capacity: Self.batch)
        unsafe receives = unsafe .allocate(capacity: Self.batch)
        unsafe works = unsafe .allocate(capacity: Self.batch)
        unsafe scratch = unsafe .allocate(byteCount: BufferPool.bufferByteCount, alignment: 64)
        unsafe completions = unsafe .allocate(capacity: Self.batch)
    }

    /// All channels must have been destroyed.
    static func close(_ device: Pointer) {
        unsafe device.pointee.cache.deallocate()
        unsafe device.pointee.channels.deallocate()
        unsafe cverbs_deregister(device.pointee.proofRegion)
        // Before the buffers: the receive queue still knows them.
        unsafe device.pointee.pool.deallocate()
        unsafe cverbs_device_close(device.pointee.handle)
        unsafe device.pointee.proof.deallocate()
        unsafe device.pointee.unposted.deallocate()
        unsafe device.pointee.receives.deallocate()
        unsafe device.pointee.works.deallocate()
        unsafe device.pointee.scratch.deallocate()
        unsafe device.pointee.completions.deallocate()
        unsafe device.pointee.stash.deallocate()
        unsafe device.deinitialize(count: 1)
        unsafe device.deallocate()
    }
}

/// What wakes an endpoint that sleeps.
extension VerbsDevice {
    private var descriptors: [Int32] {
        unsafe [
            cverbs_completion_descriptor(handle), cverbs_event_descriptor(handle), cverbs_connection_descriptor(handle),
        ]
        .filter { $0 >= 0 }
    }

    /// - Returns: an errno when one cannot be watched.
    mutating func watch(_ watcher: Int32) -> Int32 {
        unsafe self.watcher = watcher
        for descriptor in unsafe descriptors {
            let status = csystem_epoll_add(watcher, descriptor, nil, 1, 0)
            if status != 0 { return -status }
        }
        return 0
    }

    /// Its descriptors would wake those who sleep again and again.
    mutating func becomeGone() {
        guard unsafe !isGone else { return }
        unsafe isGone = true
        for descriptor in unsafe descriptors { _ = unsafe csystem_epoll_remove(watcher, descriptor) }
    }
}

/// Polling.
extension VerbsDevice {
    /// Polls between two looks at what happened to the device.
    private static let eventInterval: UInt64 = 4096

    // Hot path.
    /// Takes the next completions, or those that `arm` has found.
    mutating func take() -> Int {
        unsafe pollCount &+= 1
        guard unsafe stash.isEmpty else {
            // What has come since is not known.
            unsafe isDrained = false
            return unsafe stash.move(to: completions, limit: Self.batch)
        }
        let found = unsafe Int(cverbs_poll(handle, completions, Int32(Self.batch)))
        unsafe isDrained = found < Self.batch
        return found
    }

    /// Takes what there is out of turn, for the polls that follow.
    mutating func stashAll() {
        while unsafe stash.add(from: handle, limit: Self.batch) > 0 {}
    }

    // Hot path.
    /// Whether there is something to do without completions.
    var hasWork: Bool {
        unsafe unpostedCount > 0 || firstTouched != nil || firstBroken != nil || firstDestroyed != nil
            || !lingering.isEmpty || isTimeForEvents
    }

    // Hot path.
    var isTimeForEvents: Bool { unsafe pollCount &- lastEvents >= Self.eventInterval }

    mutating func looksAtEvents() { unsafe lastEvents = unsafe pollCount }
}

/// Receive buffers: as many are posted as peers may send, so that none ever finds the device without one.
extension VerbsDevice {
    /// Sets more buffers aside and posts them; false when no more memory may be pinned.
    mutating func reserve(_ count: Int) -> Bool {
        guard unsafe reservedCount + slotBufferCount + count <= receiveLimit else { return false }
        let missing = unsafe max(0, reservedCount + count - receiveCount)
        let kept = unsafe max(0, Self.leastSendBufferCount - sendBufferCount)
        guard unsafe missing == 0 || pool.prepare(missing + kept) else { return false }
        for _ in 0..<missing {
            guard let buffer = unsafe pool.take() else { return false }
            unsafe receiveCount += 1
            unsafe post(buffer)
        }
        unsafe reservedCount += count
        unsafe postReceives()
        return true
    }

    mutating func release(_ count: Int) { unsafe reservedCount -= count }

    /// Sets memory aside for the bulk slots of one more connection, in one direction. All together have at most a quarter; these
    /// have at most an eighth of what is left of that, so that there is some for others, but never less than makes sense.
    /// - Parameter limit: a slot's bytes; a power of two.
    /// - Returns: bytes of a slot; nil when there is no room.
    mutating func reserveSlots(atMost limit: Int) -> Int? {
        let left = unsafe min(receiveLimit / 4, receiveLimit - reservedCount) - slotBufferCount
        var slotByteCount = limit
        while unsafe slotByteCount > BulkSlots.smallestByteCount, unsafe 8 * BulkSlots.bufferCount(slotByteCount) > left
        {
            slotByteCount /= 2
        }
        guard unsafe BulkSlots.bufferCount(slotByteCount) <= left else { return nil }
        unsafe slotBufferCount += BulkSlots.bufferCount(slotByteCount)
        return slotByteCount
    }

    mutating func releaseSlots(_ slotByteCount: Int) { unsafe slotBufferCount -= BulkSlots.bufferCount(slotByteCount) }

    // Hot path.
    /// What a buffer held is not needed any more.
    @inline(__always)
    mutating func finished(_ buffer: Int32) {
        if unsafe receiveCount > reservedCount {
            unsafe receiveCount -= 1
            return unsafe pool.give(buffer)
        }
        unsafe post(buffer)
    }

    // Hot path.
    @inline(__always)
    private mutating func post(_ buffer: Int32) {
        if unsafe unpostedCount == Self.batch { unsafe postReceives() }
        unsafe unposted[unpostedCount] = buffer
        unsafe unpostedCount &+= 1
    }

    // Hot path.
    /// Before anybody is told that there is a buffer.
    mutating func postReceives() {
        guard unsafe unpostedCount > 0 else { return }
        for index in unsafe 0..<unpostedCount {
            let buffer = unsafe unposted[index]
            unsafe receives[index] = unsafe cverbs_receive(
                number: UInt64(UInt32(buffer)) << 1 | 1, start: pool.start(of: buffer),
                byte_count: UInt32(BufferPool.bufferByteCount), local_key: pool.localKey(of: buffer))
        }
        // It has room for all that are set aside, and fails only when the device is gone, which its events tell.
        _ = unsafe cverbs_post_receives(handle, receives, Int32(unpostedCount))
        unsafe unpostedCount = 0
    }
}
