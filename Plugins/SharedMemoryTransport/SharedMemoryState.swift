import Glibc

/// What all shared-memory connections of an endpoint share: raw, so that polling costs no reference count.
@unsafe struct SharedMemoryState {
    /// Rings that are looked at with every poll.
    static let hotLimit = 4
    /// Bytes read from other processes per poll, so that a large read does not starve the rest.
    static let readBudget: UInt64 = 4 << 20

    typealias Channel = UnsafeMutablePointer<SharedMemoryChannel>

    let doorbell: Doorbell
    /// Readable when somebody has rung.
    let wake: Int32
    /// To wake this endpoint from within.
    let bell: Int32
    /// By bit of the doorbell.
    let slots: UnsafeMutablePointer<Channel?>
    /// One bit per slot: given to an attempt or a connection.
    let usedSlots: UnsafeMutablePointer<UInt64>
    /// All words of used slots before this one are full.
    var firstFreeWord = 0
    let hot: UnsafeMutablePointer<Channel?>
    var hotCount = 0
    /// Who has bulk memory; `bulkLimit` places.
    let bulkOwners: UnsafeMutablePointer<Channel?>
    /// 0 where none can be had.
    var bulkLimit = bulkLimit
    /// The poll before which nobody asks for more.
    var nextBulk: UInt64 = 0
    /// Waits for room and is looked at with every poll, so that its peer need not ring.
    var waiting: Channel?
    /// Has sent without a fence since the last poll.
    var unannounced: Channel?
    var pollCount: UInt64 = 0
    var isPolling = false
    /// Between `arm` and the next poll.
    var isArmed = false
    /// Channels closed during a poll, which may still be at work on them.
    var closed: Channel?
    var firstRead: UnsafeMutablePointer<PendingRead>?
    var lastRead: UnsafeMutablePointer<PendingRead>?
    var readBudget = readBudget
    /// Bytes written for peers that read here: apart, so that their reads do not starve this side's own.
    var helpBudget = readBudget
    /// What a peer's read must find in this process, to know that it reads the right one; behind it is one that is told to
    /// nobody: a peer that knows it has read it here.
    let proof: UnsafeMutablePointer<Nonce>
    /// The transport's own, which outlives this.
    let heap: Unmanaged<SharedHeap>
    /// A descriptor of shared memory, to compare a peer's with.
    let segment: Int32
    /// Of the peers' heaps.
    var mappedByteCount: UInt64 = 0

    static func make(
        doorbell: Doorbell, wake: Int32, bell: Int32, proof: Nonce, secret: Nonce, heap: SharedHeap, segment: Int32
    ) -> UnsafeMutablePointer<SharedMemoryState> {
        // Zeros are nil; memory that no connection needs is never touched.
        let slots = unsafe calloc(Doorbell.bitCount, MemoryLayout<Channel?>.stride)!
            .bindMemory(to: Channel?.self, capacity: Doorbell.bitCount)
        let usedSlots = UnsafeMutablePointer<UInt64>.allocate(capacity: Doorbell.bitCount / 64)
        unsafe usedSlots.initialize(repeating: 0, count: Doorbell.bitCount / 64)
        let hot = unsafe UnsafeMutablePointer<Channel?>.allocate(capacity: hotLimit)
        unsafe hot.initialize(repeating: nil, count: hotLimit)
        let bulkOwners = unsafe UnsafeMutablePointer<Channel?>.allocate(capacity: bulkLimit)
        unsafe bulkOwners.initialize(repeating: nil, count: bulkLimit)
        let copy = UnsafeMutablePointer<Nonce>.allocate(capacity: 2)
        unsafe copy.initialize(to: proof)
        unsafe (copy + 1).initialize(to: secret)
        let state = UnsafeMutablePointer<SharedMemoryState>.allocate(capacity: 1)
        unsafe state.initialize(
            to: SharedMemoryState(
                doorbell: doorbell, wake: wake, bell: bell, slots: slots, usedSlots: usedSlots, hot: hot,
                bulkOwners: bulkOwners,
                proof: copy, heap: .passUnretained(heap), segment: segment))
        return unsafe state
    }

    static func destroy(_ state: UnsafeMutablePointer<SharedMemoryState>) {
        unsafe free(state.pointee.slots)
        unsafe state.pointee.usedSlots.deallocate()
        unsafe state.pointee.hot.deallocate()
        unsafe state.pointee.bulkOwners.deallocate()
        unsafe state.pointee.proof.deallocate()
        unsafe state.deinitialize(count: 1)
        unsafe state.deallocate()
    }
}
