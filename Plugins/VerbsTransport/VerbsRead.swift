import CHandfast
import CVerbs
import Glibc

/// A read of the peer's memory that is not at its end yet; one of a list in its channel.
@unsafe struct VerbsRead {
    static let pieceByteCount: UInt64 = 128 << 10
    /// Of one connection, as long as there are so many: what the peer's device answers later holds up the messages behind it, and
    /// may be asked for again for want of an answer. All those answers together must fit where packets wait: with 512 KiB
    /// soft-RoCE lost some of each, until no try was left, in one of twenty streams of 256 MiB.
    static let underWayLimit: UInt64 = 256 << 10

    var destination: UnsafeMutableRawPointer
    var source: UInt64
    let remoteKey: UInt32
    /// Not asked for yet.
    var byteCount: UInt64
    let token: UInt64
    let entry: RegistrationCache.Pointer
    var piecesUnderWay = 0
    var error: Int32 = 0
    var next: UnsafeMutablePointer<VerbsRead>?
}

@c(handfast_verbs_read) func verbsRead(
    _ state: UnsafeMutableRawPointer?, _ destination: UnsafeMutableRawPointer?, _ source: UInt64, _ byteCount: UInt64,
    _ token: UInt64
) -> Int32 {
    let channel = unsafe state!.assumingMemoryBound(to: VerbsChannel.self)
    guard unsafe channel.pointee.phase == .open else { return ENOTCONN }
    guard let destination = unsafe destination, let table = unsafe channel.pointee.exposures,
        let memory = unsafe table.pointee.peersMemory(source, byteCount)
    else { return EFAULT }
    guard byteCount > 0 else {
        unsafe channel.pointee.engine!.pointee.read_done(channel.pointee.connection, token, 0)
        return 0
    }
    var error: Int32 = 0
    let device = unsafe channel.pointee.device
    guard let entry = unsafe device.pointee.cache.take(destination, Int(byteCount), CVERBS_READ_INTO, &error) else {
        return error
    }
    let read = UnsafeMutablePointer<VerbsRead>.allocate(capacity: 1)
    unsafe read.initialize(
        to: VerbsRead(
            destination: destination, source: memory.address, remoteKey: memory.remoteKey, byteCount: byteCount,
            token: token, entry: entry))
    if let last = unsafe channel.pointee.lastRead {
        unsafe last.pointee.next = unsafe read
    } else {
        unsafe channel.pointee.firstRead = unsafe read
    }
    unsafe channel.pointee.lastRead = unsafe read
    unsafe VerbsChannel.continueReads(channel)
    return 0
}

extension VerbsChannel {
    /// Half of the send queue's places are for messages.
    private static var readPlaces: UInt16 { unsafe sendCount / 2 }

    /// Asks for as much as may be under way.
    static func continueReads(_ channel: Pointer) {
        let device = unsafe channel.pointee.device
        // Several at once, so that one completion and one frame tell of them: one of half of what may be under way, or the last.
        guard unsafe 2 * channel.pointee.bytesUnderWay <= VerbsRead.underWayLimit else { return }
        var untold: UInt64 = 0
        var next = unsafe channel.pointee.firstRead
        while let read = unsafe next {
            while unsafe read.pointee.byteCount > 0, unsafe read.pointee.error == 0 {
                guard unsafe channel.pointee.readsUnderWay < channel.pointee.readLimit,
                    unsafe channel.pointee.bytesUnderWay < VerbsRead.underWayLimit, unsafe hasPlace(channel),
                    unsafe channel.pointee.posted &- channel.pointee.completed < readPlaces
                else { return unsafe post(channel) }
                let byteCount = unsafe min(read.pointee.byteCount, channel.pointee.readByteLimit)
                untold += byteCount
                let isSignaled = unsafe device.pointee.isIWARP || 2 * untold >= VerbsRead.underWayLimit
                if isSignaled { untold = 0 }
                let localKey = unsafe read.pointee.entry.pointee.region.map { unsafe cverbs_local_key($0) } ?? 0
                let work = unsafe cverbs_work(
                    number: 0, start: read.pointee.destination, byte_count: UInt32(byteCount), local_key: localKey,
                    remote_address: read.pointee.source, remote_key: read.pointee.remoteKey,
                    operation: UInt8(CVERBS_READ), is_signaled: isSignaled ? 1 : 0, is_inline: 0)
                unsafe add(channel, work, SendSlot(readByteCount: UInt32(byteCount), read: read))
                unsafe read.pointee.destination += Int(byteCount)
                unsafe read.pointee.source += byteCount
                unsafe read.pointee.byteCount -= byteCount
                unsafe read.pointee.piecesUnderWay += 1
                unsafe channel.pointee.readsUnderWay += 1
                unsafe channel.pointee.bytesUnderWay += byteCount
                if unsafe device.pointee.workCount == VerbsDevice.batch { unsafe post(channel) }
            }
            unsafe next = unsafe read.pointee.next
        }
        unsafe post(channel)
    }

    /// - Parameter status: of its completion.
    static func pieceEnded(_ channel: Pointer, _ slot: SendSlot, _ status: UInt16) {
        guard let read = unsafe slot.read else { return }
        unsafe channel.pointee.readsUnderWay -= 1
        unsafe channel.pointee.bytesUnderWay -= UInt64(slot.readByteCount)
        unsafe read.pointee.piecesUnderWay -= 1
        if status != 0, unsafe read.pointee.error == 0 { unsafe read.pointee.error = EIO }
        guard unsafe read.pointee.piecesUnderWay == 0, unsafe read.pointee.byteCount == 0,
            unsafe read.pointee.error == 0
        else { return }
        unsafe end(channel, read, 0)
    }

    /// Has the device give up what it reads: it may write into that memory until the completion has come.
    /// - Returns: false as long as one is to come.
    static func stopReads(_ channel: Pointer) -> Bool {
        guard unsafe channel.pointee.firstRead != nil else { return true }
        let device = unsafe channel.pointee.device
        if unsafe channel.pointee.lingersUntil == nil { unsafe cverbs_queue_pair_break(channel.pointee.pair) }
        guard unsafe channel.pointee.readsUnderWay > 0 && !channel.pointee.wasPostRefused && !device.pointee.isGone
        else { return true }
        unsafe linger(channel, VerbsTiming.flushing)
        return unsafe device.pointee.lingering.isOver(channel)
    }

    /// Ends all reads with an error, after they have stopped. May call the engine.
    static func failReads(_ channel: Pointer, _ error: Int32) {
        while unsafe channel.pointee.phase == .ended, let read = unsafe channel.pointee.firstRead {
            unsafe detachPieces(channel, of: read)
            unsafe end(channel, read, error)
        }
    }

    /// Of a connection that is gone: nobody is told.
    static func dropReads(_ channel: Pointer) {
        while let read = unsafe channel.pointee.firstRead { unsafe remove(channel, read) }
    }

    private static func detachPieces(_ channel: Pointer, of read: UnsafeMutablePointer<VerbsRead>) {
        for index in unsafe 0..<Int(sendCount) where unsafe channel.pointee.slots[index].read == read {
            unsafe channel.pointee.slots[index].read = nil
        }
    }

    private static func end(_ channel: Pointer, _ read: UnsafeMutablePointer<VerbsRead>, _ error: Int32) {
        let token = unsafe read.pointee.token
        unsafe remove(channel, read)
        unsafe channel.pointee.engine?.pointee.read_done(channel.pointee.connection, token, error)
    }

    private static func remove(_ channel: Pointer, _ read: UnsafeMutablePointer<VerbsRead>) {
        var before: UnsafeMutablePointer<VerbsRead>?
        var candidate = unsafe channel.pointee.firstRead
        while let other = unsafe candidate, unsafe other != read {
            unsafe before = unsafe other
            unsafe candidate = unsafe other.pointee.next
        }
        if let before = unsafe before {
            unsafe before.pointee.next = unsafe read.pointee.next
        } else {
            unsafe channel.pointee.firstRead = unsafe read.pointee.next
        }
        if unsafe channel.pointee.lastRead == read { unsafe channel.pointee.lastRead = unsafe before }
        unsafe channel.pointee.device.pointee.cache.give(read.pointee.entry)
        unsafe read.deallocate()
    }
}
