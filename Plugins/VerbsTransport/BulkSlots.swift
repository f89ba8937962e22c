import CVerbs
import Glibc

/// Memory of one connection for long runs of its stream in one direction: slots that are used in turn. Of a receiver its peer
/// writes into them; a sender copies there what it writes from. Nothing else lies there, so that a peer may write.
@unsafe struct BulkSlots {
    typealias Pointer = UnsafeMutablePointer<BulkSlots>

    /// One that is filled, one that is under way, and one that is emptied.
    static let count = 3
    /// Of one slot: as much as there is memory for. A long run is as much work for devices and peer as a short one.
    static let largestByteCount = 512 << 10
    static let smallestByteCount = 64 << 10
    /// Fewer bytes go in frames alone.
    static let leastByteCount = 16 << 10
    /// A run waits while so many are under way, and grows.
    static let underWayLimit = 2

    let start: UnsafeMutableRawPointer
    let slotByteCount: Int
    let region: OpaquePointer
    /// Of a sender: where its peer has them, of which each may be larger.
    let remote: Exposure?
    /// How many have been written, ever.
    var used = 0
    /// Of a sender: over for its own device. Of a receiver: taken by the engine.
    var finished = 0
    /// Given back by the receiver.
    var returned = 0

    /// Nil when no more memory may be pinned.
    static func make(_ device: OpaquePointer, slotByteCount: Int, remote: Exposure?) -> Pointer? {
        let byteCount = unsafe count * slotByteCount
        let memory = unsafe mmap(nil, byteCount, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
        guard let memory = unsafe memory, unsafe memory != MAP_FAILED else { return nil }
        var status: Int32 = 0
        let access = remote == nil ? CVERBS_LOCAL_WRITE | CVERBS_REMOTE_WRITE : 0
        guard let region = unsafe cverbs_register(device, memory, UInt64(byteCount), access, &status) else {
            unsafe munmap(memory, byteCount)
            return nil
        }
        let slots = Pointer.allocate(capacity: 1)
        unsafe slots.initialize(
            to: BulkSlots(start: memory, slotByteCount: slotByteCount, region: region, remote: remote))
        return unsafe slots
    }

    /// No queue pair may use them any more.
    static func destroy(_ slots: Pointer) {
        unsafe cverbs_deregister(slots.pointee.region)
        unsafe munmap(slots.pointee.start, slots.pointee.byteCount)
        unsafe slots.deallocate()
    }

    /// What they count as where buffers are counted.
    static func bufferCount(_ slotByteCount: Int) -> Int { unsafe count * slotByteCount / BufferPool.bufferByteCount }

    /// Bytes of a slot by what a peer tells of all; nil when that cannot be.
    static func slotByteCount(of offer: Exposure) -> Int? {
        guard unsafe offer.number == count, !offer.address.addingReportingOverflow(offer.memoryByteCount).overflow,
            let slotByteCount = unsafe Int(exactly: offer.memoryByteCount / UInt64(count)),
            unsafe (smallestByteCount...largestByteCount).contains(slotByteCount),
            unsafe slotByteCount.nonzeroBitCount == 1 && offer.memoryByteCount == UInt64(count * slotByteCount)
        else { return nil }
        return slotByteCount
    }

    var byteCount: Int { unsafe Self.count * slotByteCount }

    // Hot path.
    /// Where a slot of these begins.
    func start(of number: Int) -> UnsafeMutableRawPointer { unsafe start + number % Self.count * slotByteCount }

    // Hot path.
    /// Where the peer has it.
    func address(of number: Int, in remote: Exposure) -> UInt64 {
        unsafe remote.address + UInt64(number % Self.count) * (remote.memoryByteCount / UInt64(Self.count))
    }

    /// Of a sender.
    var isFull: Bool { unsafe used - min(finished, returned) == Self.count }
    /// Of a sender.
    var underWay: Int { unsafe used - finished }
    /// Of a receiver.
    var owed: Int { unsafe finished - returned }

    /// What a receiver tells its peer.
    var offer: Exposure {
        unsafe Exposure(
            number: UInt32(Self.count), remoteKey: cverbs_remote_key(region), address: UInt64(UInt(bitPattern: start)),
            memoryByteCount: UInt64(byteCount))
    }
}
