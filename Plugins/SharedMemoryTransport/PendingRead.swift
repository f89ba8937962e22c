import CSystem
import Glibc

/// A read of a peer's memory that is not at its end yet; one of a list in the transport's state.
@unsafe struct PendingRead {
    /// Bytes per system call, or copied at once from the peer's heap.
    static let chunkByteCount: UInt64 = 1 << 20

    let channel: UnsafeMutablePointer<SharedMemoryChannel>
    var destination: UnsafeMutableRawPointer
    var source: UInt64
    var byteCount: UInt64
    let token: UInt64
    /// Of these bytes the first, which this side reads, and those behind them, which the peer was asked to write.
    private var ownByteCount: UInt64 = 0
    private var offeredByteCount: UInt64 = 0
    /// What it has taken so far, for how many bytes, and whether all of them were in the peer's heap.
    private(set) var ticks: UInt64 = 0
    private(set) var readByteCount: UInt64 = 0
    private(set) var isInHeap = true
    /// The poll in which it waited for the peer.
    var waited: UInt64 = 0
    var next: UnsafeMutablePointer<PendingRead>?

    init(
        channel: UnsafeMutablePointer<SharedMemoryChannel>, destination: UnsafeMutableRawPointer, source: UInt64,
        byteCount: UInt64, token: UInt64
    ) {
        unsafe self.channel = channel
        unsafe self.destination = destination
        unsafe self.source = source
        unsafe self.byteCount = byteCount
        unsafe self.token = token
    }

    /// The peer has not written yet what it is about to.
    var isWaiting: Bool { unsafe ownByteCount == 0 && offeredByteCount > 0 }

    /// Reads on while the poll's budget lasts.
    /// - Returns: nil when there is more to read, else 0 or an errno.
    mutating func proceed() -> Int32? {
        let start = csystem_ticks()
        let result = unsafe readOn(since: start)
        unsafe ticks &+= csystem_ticks() &- start
        guard let error = result else { return nil }
        guard error == 0 else {
            unsafe abandon()
            // Whoever wants these bytes gets them another way, after this one: no read takes longer.
            unsafe (ticks, readByteCount) = (.max, readByteCount + byteCount)
            unsafe SharedMemoryChannel.note(self)
            return error
        }
        if unsafe readByteCount > 0 { unsafe SharedMemoryChannel.note(self) }
        // A peer says that it has closed before it lets go of what it offered: then these bytes may be others.
        csystem_fence()
        return unsafe csystem_load_acquire(channel.pointee.peers.closed) == 0 ? 0 : ECONNRESET
    }

    /// Nobody writes to the destination any more.
    func abandon() {
        if unsafe offeredByteCount > 0 { unsafe channel.pointee.help.abandon() }
    }

    private mutating func readOn(since start: UInt64) -> Int32? {
        let transport = unsafe channel.pointee.transport
        while unsafe byteCount > 0 {
            if unsafe isWaiting {
                guard unsafe settle(since: start) else { return nil }
                continue
            }
            if unsafe ownByteCount == 0 { unsafe beginRound() }
            let wanted = unsafe min(ownByteCount, PendingRead.chunkByteCount, transport.pointee.readBudget)
            guard wanted > 0 else { return nil }
            let count = unsafe read(wanted)
            guard count > 0 else { return Int32(-count) }
            unsafe ownByteCount -= UInt64(count)
            unsafe pass(UInt64(count))
        }
        return 0
    }

    private mutating func beginRound() {
        unsafe ownByteCount = min(byteCount, ReadHelp.roundByteCount)
        unsafe offeredByteCount = SharedMemoryChannel.offerPart(
            of: ownByteCount, channel, to: destination, from: source)
        unsafe ownByteCount -= offeredByteCount
    }

    private mutating func read(_ wanted: UInt64) -> Int64 {
        if let mapped = unsafe channel.pointee.peerHeap.find(source, wanted) {
            unsafe csystem_copy(destination, mapped, wanted)
            return Int64(wanted)
        }
        unsafe isInHeap = false
        return unsafe channel.pointee.link.peerMemory.read(destination, from: source, byteCount: wanted)
    }

    /// Waits for the peer, if it writes, about as long as this side has read.
    /// - Returns: false when it still does.
    private mutating func settle(since start: UInt64) -> Bool {
        let (now, byteCount) = unsafe (csystem_ticks(), offeredByteCount)
        while true {
            switch unsafe channel.pointee.help.settle() {
            case .underWay:
                guard csystem_ticks() &- now < now &- start else { return false }
                csystem_pause()
            case .refused:
                unsafe (ownByteCount, offeredByteCount) = (byteCount, 0)
                return true
            case .written:
                unsafe offeredByteCount = 0
                unsafe pass(byteCount)
                return true
            }
        }
    }

    private mutating func pass(_ count: UInt64) {
        let transport = unsafe channel.pointee.transport
        unsafe transport.pointee.readBudget -= min(count, transport.pointee.readBudget)
        unsafe destination += Int(count)
        unsafe source += count
        unsafe byteCount -= count
        unsafe readByteCount &+= count
    }
}
