import CHandfast
import CSystem
import CVerbs
import Glibc

// Hot path.
/// Cuts what is given into frames, as many as the peer has buffers for.
@c(handfast_verbs_send) func verbsSend(
    _ state: UnsafeMutableRawPointer?, _ pieces: UnsafePointer<hf_piece>?, _ pieceCount: UInt32
) -> UInt64 {
    let channel = unsafe state!.assumingMemoryBound(to: VerbsChannel.self)
    guard unsafe channel.pointee.phase == .open, let pieces = unsafe pieces else { return 0 }
    if let sent = unsafe VerbsChannel.sendSmall(channel, pieces, Int(pieceCount)) { return sent }
    var cursor = unsafe PieceCursor(pieces, count: Int(pieceCount))
    let wanted = cursor.byteCount
    while cursor.byteCount > 0, unsafe VerbsChannel.sendNext(channel, &cursor) {}
    unsafe VerbsChannel.post(channel)
    if cursor.byteCount > 0 { unsafe channel.pointee.owesRoom = true }
    return wanted - cursor.byteCount
}

extension VerbsChannel {
    // Hot path.
    /// Whether one more thing may be posted, or more; the last place of the queue is for the end, which asks for none.
    static func hasPlace(_ channel: Pointer, _ count: UInt16 = 1) -> Bool {
        guard unsafe channel.pointee.posted &- channel.pointee.completed < sendCount - count else { return false }
        let device = unsafe channel.pointee.device
        // Every one of them may fail, and would have a completion then.
        if unsafe device.pointee.outstandingCount + Int(max(1, count)) <= device.pointee.outstandingLimit {
            return true
        }
        unsafe device.pointee.hasStarved = true
        return false
    }

    // Hot path.
    fileprivate static func sendNext(_ channel: Pointer, _ cursor: inout PieceCursor) -> Bool {
        if unsafe channel.pointee.isGathering, unsafe gather(channel, &cursor) { return true }
        guard unsafe sendOpenFrame(channel) else { return false }
        // What is exposed is told of in a frame, before bytes that may name it.
        if let slots = unsafe channel.pointee.outgoing,
            unsafe cursor.byteCount >= BulkSlots.leastByteCount || channel.pointee.runByteCount > 0,
            unsafe channel.pointee.exposures?.pointee.unannounced.isEmpty ?? true
        {
            return unsafe sendBulk(channel, slots, &cursor)
        }
        return unsafe sendFrame(channel, &cursor)
    }

    // Hot path.
    /// Sends what goes inline in one frame that tells of nothing else: the most usual.
    /// - Returns: how many bytes; nil when it cannot go so.
    @inline(__always)
    fileprivate static func sendSmall(
        _ channel: Pointer, _ pieces: UnsafePointer<hf_piece>, _ pieceCount: Int
    ) -> UInt64? {
        let device = unsafe channel.pointee.device
        let room = unsafe channel.pointee.inlineLimit - Frame.byteCount
        var byteCount = 0
        for index in 0..<pieceCount {
            let next = unsafe pieces[index].byte_count
            // Compared before it is added, which could overflow.
            guard next <= UInt64(truncatingIfNeeded: room) else { return nil }
            byteCount &+= Int(truncatingIfNeeded: next)
        }
        guard byteCount > 0, byteCount <= room, unsafe channel.pointee.exposures == nil,
            unsafe channel.pointee.credits > 0, unsafe hasPlace(channel), unsafe device.pointee.workCount == 0,
            unsafe !channel.pointee.isGathering && channel.pointee.openBuffer < 0 && channel.pointee.runByteCount == 0
        else { return nil }
        unsafe channel.pointee.credits &-= 1
        var frame = Frame()
        frame.dataByteCount = UInt16(truncatingIfNeeded: byteCount)
        unsafe payBack(channel, &frame)
        let start = unsafe device.pointee.scratch
        unsafe frame.write(to: start)
        var end = unsafe start + Frame.byteCount
        for index in 0..<pieceCount {
            unsafe csystem_copy(end, pieces[index].bytes, pieces[index].byte_count)
            unsafe end += Int(truncatingIfNeeded: pieces[index].byte_count)
        }
        unsafe sendScratch(channel, Frame.byteCount &+ byteCount)
        return UInt64(truncatingIfNeeded: byteCount)
    }

    // Hot path.
    static func takeSendBuffer(_ device: VerbsDevice.Pointer) -> Int32? {
        guard unsafe device.pointee.sendBufferCount < VerbsDevice.sendBufferLimit,
            let buffer = unsafe device.pointee.pool.take()
        else {
            unsafe device.pointee.hasStarved = true
            return nil
        }
        unsafe device.pointee.sendBufferCount += 1
        return buffer
    }

    // Hot path.
    /// Adds a frame with what it has room for to the list that `post` gives to the device.
    /// - Returns: false when there is no credit, place or buffer.
    fileprivate static func sendFrame(_ channel: Pointer, _ cursor: inout PieceCursor) -> Bool {
        guard unsafe channel.pointee.credits > 0, unsafe hasPlace(channel) else { return false }
        let device = unsafe channel.pointee.device
        let unannouncedCount = unsafe channel.pointee.exposures?.pointee.unannounced.count ?? 0
        let exposureCount = unsafe min(unannouncedCount, ExposureTable.frameLimit)
        let headByteCount = Frame.byteCount + exposureCount * Exposure.byteCount
        let room = unsafe channel.pointee.frameByteLimit - headByteCount
        // The bytes may name any of them, so all are told of before; and they follow a run that waits.
        let hasData = unsafe exposureCount == unannouncedCount && channel.pointee.runByteCount == 0
        let byteCount = hasData ? min(Int(clamping: cursor.byteCount), room) : 0
        // It would overtake a list.
        let isInline = unsafe headByteCount + byteCount <= channel.pointee.inlineLimit && device.pointee.workCount == 0
        var buffer: Int32 = -1
        if !isInline {
            guard let taken = unsafe takeSendBuffer(device) else { return false }
            buffer = taken
        }
        let start = unsafe isInline ? device.pointee.scratch : device.pointee.pool.start(of: buffer)
        unsafe channel.pointee.credits -= 1
        var frame = Frame()
        frame.exposureCount = UInt8(exposureCount)
        frame.dataByteCount = UInt16(byteCount)
        if unsafe channel.pointee.credits == 0, Int(clamping: cursor.byteCount) > byteCount {
            frame.flags = .wantsCredits
        }
        if unsafe cursor.byteCount >= BulkSlots.leastByteCount, unsafe !channel.pointee.hasAskedForSlots {
            unsafe channel.pointee.hasAskedForSlots = true
            frame.flags.insert(.wantsSlots)
        }
        unsafe payBack(channel, &frame)
        unsafe frame.write(to: start)
        if exposureCount > 0 {
            unsafe channel.pointee.exposures!.pointee.announce(exposureCount, to: start + Frame.byteCount)
        }
        unsafe cursor.move(to: UnsafeMutableRawBufferPointer(start: start + headByteCount, count: byteCount))
        if isInline {
            unsafe sendScratch(channel, headByteCount + byteCount)
        } else {
            unsafe add(channel, start, headByteCount + byteCount, buffer: buffer)
        }
        return true
    }

    // Hot path.
    /// The same just before a control frame would: what is told more rarely costs fewer messages their time.
    @inline(__always)
    private static func payBack(_ channel: Pointer, _ frame: inout Frame) {
        let least = unsafe channel.pointee.granted / 2 - 1
        guard unsafe channel.pointee.owed >= least || channel.pointee.owesAcknowledgement else { return }
        unsafe payBack(channel, &frame, atLeast: least)
    }

    // Hot path.
    /// Writes into a frame what the peer is owed.
    /// - Parameter least: fewer credits than these stay here.
    static func payBack(_ channel: Pointer, _ frame: inout Frame, atLeast least: Int) {
        if unsafe channel.pointee.owesAcknowledgement {
            frame.flags.insert(.acknowledgesControl)
            unsafe channel.pointee.owesAcknowledgement = false
            unsafe channel.pointee.device.pointee.postReceives()
        }
        guard unsafe channel.pointee.owed > 0, unsafe channel.pointee.owed >= least else { return }
        if let incoming = unsafe channel.pointee.incoming {
            frame.returnedSlotCount = unsafe UInt8(incoming.pointee.owed)
            unsafe incoming.pointee.returned = unsafe incoming.pointee.finished
        }
        frame.credits = unsafe UInt16(channel.pointee.owed)
        unsafe channel.pointee.usable += channel.pointee.owed
        unsafe channel.pointee.owed = 0
        unsafe channel.pointee.device.pointee.postReceives()
    }

    /// A frame without data, in the buffer that the peer has for such.
    static func sendControl(_ channel: Pointer, _ flags: Frame.Flags) {
        var frame = Frame()
        frame.flags = flags
        unsafe payBack(channel, &frame, atLeast: 1)
        if flags.contains(.control) {
            unsafe channel.pointee.mayControl = false
            if unsafe channel.pointee.owesOffer { frame.flags.insert(.offersSlots) }
        } else {
            unsafe channel.pointee.credits -= 1
        }
        let device = unsafe channel.pointee.device
        unsafe frame.write(to: device.pointee.scratch)
        if frame.flags.contains(.offersSlots), let incoming = unsafe channel.pointee.incoming {
            unsafe incoming.pointee.offer.write(to: device.pointee.scratch + frame.offerOffset)
            unsafe channel.pointee.owesOffer = false
        }
        unsafe sendScratch(channel, frame.wholeByteCount, isSignaled: flags.contains(.end))
    }

    // Hot path.
    /// Sends what lies in `scratch` by itself, with no list. It is told of when it is over now and then.
    @inline(__always)
    private static func sendScratch(_ channel: Pointer, _ byteCount: Int, isSignaled: Bool = false) {
        let device = unsafe channel.pointee.device
        let number = unsafe takePlace(channel, SendSlot())
        let isSignaled = unsafe isSignaled || channel.pointee.unsignaled >= signalInterval || isCrowded(device)
        if isSignaled { unsafe channel.pointee.unsignaled = 0 }
        let status = unsafe cverbs_send_inline(
            channel.pointee.pair, number, device.pointee.scratch, UInt32(truncatingIfNeeded: byteCount),
            isSignaled ? 1 : 0)
        if status != 0 { unsafe breakLater(channel, posting: status) }
    }

    // Hot path.
    /// Adds a send to the list; bytes that lie in no buffer are taken when it is posted.
    static func add(_ channel: Pointer, _ start: UnsafeMutableRawPointer, _ byteCount: Int, buffer: Int32) {
        let device = unsafe channel.pointee.device
        let localKey = unsafe buffer < 0 ? 0 : device.pointee.pool.localKey(of: buffer)
        unsafe add(
            channel,
            cverbs_work(
                number: 0, start: start, byte_count: UInt32(byteCount), local_key: localKey, remote_address: 0,
                remote_key: 0, operation: UInt8(CVERBS_SEND), is_signaled: 0, is_inline: buffer < 0 ? 1 : 0),
            SendSlot(buffer: buffer))
        if unsafe device.pointee.workCount == VerbsDevice.batch { unsafe post(channel) }
    }

    // Hot path.
    static func add(_ channel: Pointer, _ work: cverbs_work, _ slot: SendSlot) {
        let device = unsafe channel.pointee.device
        var work = unsafe work
        unsafe work.number = unsafe takePlace(channel, slot)
        if unsafe channel.pointee.unsignaled >= signalInterval { unsafe work.is_signaled = 1 }
        if unsafe work.is_signaled != 0 { unsafe channel.pointee.unsignaled = 0 }
        unsafe device.pointee.works[device.pointee.workCount] = unsafe work
        unsafe device.pointee.workCount += 1
    }

    // Hot path.
    /// - Returns: the number that comes back when what takes the next place of the send queue is over.
    @inline(__always)
    private static func takePlace(_ channel: Pointer, _ slot: SendSlot) -> UInt64 {
        let sequence = unsafe channel.pointee.posted
        unsafe channel.pointee.slots[Int(sequence % sendCount)] = unsafe slot
        unsafe channel.pointee.posted = sequence &+ 1
        unsafe channel.pointee.unsignaled &+= 1
        unsafe channel.pointee.device.pointee.outstandingCount &+= 1
        // Pointers have 47 bits, and the lowest is zero.
        return UInt64(sequence) << 48 | UInt64(UInt(bitPattern: channel))
    }

    // Hot path.
    /// The completion queue may become full of what is not told of.
    private static func isCrowded(_ device: VerbsDevice.Pointer) -> Bool {
        unsafe 2 * device.pointee.outstandingCount > device.pointee.outstandingLimit
    }

    // Hot path.
    /// Gives the list to the device. What holds a buffer is told of when it is over, the rest now and then.
    static func post(_ channel: Pointer, isSignaled: Bool = false) {
        let device = unsafe channel.pointee.device
        let count = unsafe device.pointee.workCount
        guard count > 0 else { return }
        unsafe device.pointee.workCount = 0
        let last = unsafe device.pointee.works + (count - 1)
        if unsafe last.pointee.is_inline == 0 || isSignaled || isCrowded(device) {
            unsafe last.pointee.is_signaled = 1
            unsafe channel.pointee.unsignaled = 0
        }
        let status = unsafe cverbs_post(channel.pointee.pair, device.pointee.works, Int32(count))
        if status != 0 { unsafe breakLater(channel, posting: status) }
    }

    /// From within a call of the engine's: it is told with the next poll.
    private static func breakLater(_ channel: Pointer, posting status: Int32) {
        unsafe channel.pointee.wasPostRefused = true
        unsafe breakLater(channel, -status, "the device takes nothing more (errno \(-status))")
    }
}
