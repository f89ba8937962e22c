import CVerbs
import Glibc

/// Memory of one connection for long runs of its stream in one direction: slots that are used in turn. Of a receiver its peer
/// writes into them; a sender copies there what it writes from. Nothing else lies there, so that a peer may write.
@unsafe struct BulkSlots {
    typealias Pointer = UnsafeMutablePointer<BulkSlots>

    static let count = 4
    static let slotByteCount = 64 << 10
    static let byteCount = count * slotByteCount
    /// What they count as where buffers are counted.
    static let bufferCount = unsafe byteCount / BufferPool.bufferByteCount
    /// Fewer bytes go in frames alone.
    static let leastByteCount = 16 << 10

    let start: UnsafeMutableRawPointer
    let region: OpaquePointer
    /// Of a sender: where its peer has them.
    let remote: Exposure?
    /// How many have been written, ever.
    var used = 0
    /// Of a sender: over for its own device. Of a receiver: taken by the engine.
    var finished = 0
    /// Given back by the receiver.
    var returned = 0

    /// Nil when no more memory may be pinned.
    static func make(_ device: OpaquePointer, remote: Exposure?) -> Pointer? {
        let memory = unsafe mmap(nil, byteCount, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
        guard let memory = unsafe memory, unsafe memory != MAP_FAILED else { return nil }
        var status: Int32 = 0
        let access = remote == nil ? CVERBS_LOCAL_WRITE | CVERBS_REMOTE_WRITE : 0
        guard let region = unsafe cverbs_register(device, memory, UInt64(byteCount), access, &status) else {
            unsafe munmap(memory, byteCount)
            return nil
        }
        let slots = Pointer.allocate(capacity: 1)
        unsafe slots.initialize(to: BulkSlots(start: memory, region: region, remote: remote))
        return unsafe slots
    }

    /// No queue pair may use them any more.
    static func destroy(_ slots: Pointer) {
        unsafe cverbs_deregister(slots.pointee.region)
        unsafe munmap(slots.pointee.start, byteCount)
        unsafe slots.deallocate()
    }

    // Hot path.
    static func offset(_ number: Int) -> Int { unsafe number % count * slotByteCount }

    /// Of a sender.
    var isFull: Bool { unsafe used - min(finished, returned) == Self.count }
    /// Of a receiver.
    var owed: Int { unsafe finished - returned }

    /// What a receiver tells its peer.
    var offer: Exposure {
        unsafe Exposure(
            number: UInt32(Self.count), remoteKey: cverbs_remote_key(region), address: UInt64(UInt(bitPattern: start)),
            memoryByteCount: UInt64(Self.byteCount))
    }
}

extension VerbsChannel {
    /// Goes with a frame: what it says of slots. Returns false when a peer may not say so.
    static func learnSlots(_ channel: Pointer, _ frame: Frame, _ start: UnsafeRawPointer) -> Bool {
        if frame.returnedSlotCount > 0 {
            guard let outgoing = unsafe channel.pointee.outgoing,
                unsafe outgoing.pointee.returned + Int(frame.returnedSlotCount) <= outgoing.pointee.used
            else { return false }
            unsafe outgoing.pointee.returned += Int(frame.returnedSlotCount)
            unsafe touch(channel)
        }
        if frame.flags.contains(.bulk) {
            guard let incoming = unsafe channel.pointee.incoming, unsafe !channel.pointee.owesOffer,
                unsafe (1...BulkSlots.slotByteCount).contains(Int(frame.bulkByteCount)),
                unsafe incoming.pointee.used - incoming.pointee.returned < BulkSlots.count
            else { return false }
            unsafe incoming.pointee.used += 1
        }
        if frame.flags.contains(.offersSlots) {
            let offer = unsafe Exposure(from: start + frame.offerOffset)
            guard unsafe channel.pointee.hasAskedForSlots, unsafe channel.pointee.outgoing == nil,
                unsafe offer.number == BulkSlots.count && offer.memoryByteCount == BulkSlots.byteCount,
                !offer.address.addingReportingOverflow(offer.memoryByteCount).overflow
            else { return false }
            unsafe channel.pointee.outgoing = unsafe BulkSlots.make(
                channel.pointee.device.pointee.handle, remote: offer)
        }
        if frame.flags.contains(.wantsSlots) { unsafe setSlotsAside(channel) }
        return true
    }

    /// As far as there is memory to receive in.
    private static func setSlotsAside(_ channel: Pointer) {
        let device = unsafe channel.pointee.device
        guard unsafe channel.pointee.incoming == nil,
            unsafe channel.pointee.phase == .open || channel.pointee.phase == .joining,
            unsafe channel.pointee.inlineLimit >= Frame.byteCount + Exposure.byteCount,
            unsafe device.pointee.reserveSlots()
        else { return }
        unsafe channel.pointee.incoming = unsafe BulkSlots.make(device.pointee.handle, remote: nil)
        guard unsafe channel.pointee.incoming != nil else { return unsafe device.pointee.releaseSlots() }
        unsafe channel.pointee.owesOffer = true
        unsafe touch(channel)
    }

    /// After its queue pair.
    static func dropSlots(_ channel: Pointer) {
        if let outgoing = unsafe channel.pointee.outgoing { unsafe BulkSlots.destroy(outgoing) }
        unsafe channel.pointee.outgoing = nil
        guard let incoming = unsafe channel.pointee.incoming else { return }
        unsafe BulkSlots.destroy(incoming)
        unsafe channel.pointee.incoming = nil
        unsafe channel.pointee.device.pointee.releaseSlots()
    }

    // Hot path.
    /// Writes as much as a slot holds, and adds the frame that says so; what is over goes in the frame when it is little.
    /// - Returns: false when there is no slot, credit or place.
    static func sendBulk(_ channel: Pointer, _ slots: BulkSlots.Pointer, _ cursor: inout PieceCursor) -> Bool {
        unsafe channel.pointee.waitsForSlot = slots.pointee.isFull
        guard unsafe !channel.pointee.waitsForSlot, unsafe channel.pointee.credits > 0, unsafe hasPlace(channel, 2),
            let remote = unsafe slots.pointee.remote
        else { return false }
        let device = unsafe channel.pointee.device
        if unsafe device.pointee.workCount > 0 { unsafe post(channel) }
        let rest = unsafe Int(clamping: cursor.byteCount) - BulkSlots.slotByteCount
        var frame = Frame()
        frame.flags = .bulk
        let room = unsafe channel.pointee.inlineLimit - frame.wholeByteCount
        frame.dataByteCount = rest > 0 && rest <= room ? UInt16(rest) : 0
        unsafe cursor.move(
            to: UnsafeMutableRawBufferPointer(
                start: device.pointee.scratch + frame.dataOffset,
                count: Int(frame.dataByteCount)))
        let offset = unsafe BulkSlots.offset(slots.pointee.used)
        let byteCount = unsafe min(Int(clamping: cursor.byteCount), BulkSlots.slotByteCount)
        frame.bulkByteCount = UInt32(byteCount)
        unsafe cursor.move(to: UnsafeMutableRawBufferPointer(start: slots.pointee.start + offset, count: byteCount))
        unsafe slots.pointee.used += 1
        unsafe add(
            channel,
            cverbs_work(
                number: 0, start: slots.pointee.start + offset, byte_count: UInt32(byteCount),
                local_key: cverbs_local_key(slots.pointee.region), remote_address: remote.address + UInt64(offset),
                remote_key: remote.remoteKey, operation: UInt8(CVERBS_WRITE), is_signaled: 0, is_inline: 0),
            SendSlot(isBulk: true))
        unsafe channel.pointee.credits -= 1
        unsafe payBack(channel, &frame, atLeast: channel.pointee.granted / 4)
        unsafe frame.write(to: device.pointee.scratch)
        unsafe add(channel, device.pointee.scratch, frame.wholeByteCount, buffer: -1)
        // The slot is free again when its end is known.
        unsafe post(channel, isSignaled: true)
        return true
    }
}
