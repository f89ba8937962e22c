import CVerbs

/// Long runs of a stream, through slots.
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
                frame.dataByteCount == 0,
                unsafe (1...incoming.pointee.slotByteCount).contains(Int(frame.bulkByteCount)),
                unsafe incoming.pointee.used - incoming.pointee.returned < BulkSlots.count
            else { return false }
            unsafe incoming.pointee.used += 1
        }
        if frame.flags.contains(.offersSlots) {
            let offer = unsafe Exposure(from: start + frame.offerOffset)
            guard unsafe channel.pointee.hasAskedForSlots, unsafe channel.pointee.outgoing == nil,
                let slotByteCount = unsafe BulkSlots.slotByteCount(of: offer)
            else { return false }
            unsafe channel.pointee.outgoing = unsafe makeSlots(channel, atMost: slotByteCount, remote: offer)
        }
        if frame.flags.contains(.wantsSlots) { unsafe setSlotsAside(channel) }
        return true
    }

    /// As far as there is memory to receive in.
    private static func setSlotsAside(_ channel: Pointer) {
        guard unsafe channel.pointee.incoming == nil,
            unsafe channel.pointee.phase == .open || channel.pointee.phase == .joining
        else { return }
        unsafe channel.pointee.incoming = unsafe makeSlots(channel, atMost: BulkSlots.largestByteCount, remote: nil)
        unsafe channel.pointee.owesOffer = unsafe channel.pointee.incoming != nil
        unsafe touch(channel)
    }

    /// As large as there is memory for; nil when there is too little.
    private static func makeSlots(_ channel: Pointer, atMost limit: Int, remote: Exposure?) -> BulkSlots.Pointer? {
        let device = unsafe channel.pointee.device
        guard let slotByteCount = unsafe device.pointee.reserveSlots(atMost: limit) else { return nil }
        let slots = unsafe BulkSlots.make(device.pointee.handle, slotByteCount: slotByteCount, remote: remote)
        if unsafe slots == nil { unsafe device.pointee.releaseSlots(slotByteCount) }
        return unsafe slots
    }

    /// After its queue pair.
    static func dropSlots(_ channel: Pointer) {
        unsafe drop(channel, channel.pointee.outgoing)
        unsafe channel.pointee.outgoing = nil
        unsafe drop(channel, channel.pointee.incoming)
        unsafe channel.pointee.incoming = nil
    }

    private static func drop(_ channel: Pointer, _ slots: BulkSlots.Pointer?) {
        guard let slots = unsafe slots else { return }
        unsafe channel.pointee.device.pointee.releaseSlots(slots.pointee.slotByteCount)
        unsafe BulkSlots.destroy(slots)
    }

    // Hot path.
    /// Adds as much as there is room for to the run in the next slot.
    /// - Returns: false when there is no slot or credit.
    static func sendBulk(_ channel: Pointer, _ slots: BulkSlots.Pointer, _ cursor: inout PieceCursor) -> Bool {
        if unsafe channel.pointee.runByteCount == 0 {
            unsafe channel.pointee.waitsForSlot = slots.pointee.isFull
            guard unsafe !channel.pointee.waitsForSlot, unsafe channel.pointee.credits > 0 else { return false }
            // Of the frame that will tell of the run, which so waits for nothing but a place.
            unsafe channel.pointee.credits -= 1
        }
        let filled = unsafe channel.pointee.runByteCount
        let byteCount = unsafe min(Int(clamping: cursor.byteCount), slots.pointee.slotByteCount - filled)
        guard byteCount > 0 else { return false }
        let start = unsafe slots.pointee.start(of: slots.pointee.used) + filled
        unsafe cursor.move(to: UnsafeMutableRawBufferPointer(start: start, count: byteCount))
        unsafe channel.pointee.runByteCount += byteCount
        unsafe sendRun(channel)
        return true
    }

    // Hot path.
    /// Writes the run into the peer's slot, and sends the frame that says so, when it is time.
    static func sendRun(_ channel: Pointer) {
        let byteCount = unsafe channel.pointee.runByteCount
        guard byteCount > 0, let slots = unsafe channel.pointee.outgoing, let remote = unsafe slots.pointee.remote,
            unsafe byteCount == slots.pointee.slotByteCount
                || (slots.pointee.underWay < BulkSlots.underWayLimit && !channel.pointee.isGathering),
            unsafe hasPlace(channel, 2)
        else { return }
        let device = unsafe channel.pointee.device
        if unsafe device.pointee.workCount > 0 { unsafe post(channel) }
        let number = unsafe slots.pointee.used
        unsafe slots.pointee.used = number + 1
        unsafe channel.pointee.runByteCount = 0
        unsafe add(
            channel,
            cverbs_work(
                number: 0, start: slots.pointee.start(of: number), byte_count: UInt32(byteCount),
                local_key: cverbs_local_key(slots.pointee.region),
                remote_address: slots.pointee.address(of: number, in: remote), remote_key: remote.remoteKey,
                operation: UInt8(CVERBS_WRITE), is_signaled: 0, is_inline: 0),
            SendSlot(isBulk: true))
        var frame = Frame()
        frame.flags = .bulk
        frame.bulkByteCount = UInt32(byteCount)
        unsafe payBack(channel, &frame, atLeast: channel.pointee.granted / 4)
        unsafe frame.write(to: device.pointee.scratch)
        unsafe add(channel, device.pointee.scratch, frame.wholeByteCount, buffer: -1)
        // The slot is free again when its end is known.
        unsafe post(channel, isSignaled: true)
    }
}
