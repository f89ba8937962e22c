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
    /// What it has taken so far, for how many bytes, and whether all of them were in the peer's heap.
    var ticks: UInt64 = 0
    var readByteCount: UInt64 = 0
    var isInHeap = true
    var next: UnsafeMutablePointer<PendingRead>?

    /// Reads on while the poll's budget lasts.
    /// - Returns: nil when there is more to read, else 0 or an errno.
    mutating func proceed() -> Int32? {
        let transport = unsafe channel.pointee.transport
        let start = csystem_ticks()
        while unsafe byteCount > 0 {
            let wanted = unsafe min(byteCount, PendingRead.chunkByteCount, transport.pointee.readBudget)
            guard wanted > 0 else {
                unsafe ticks &+= csystem_ticks() &- start
                return nil
            }
            let count: Int64
            if let mapped = unsafe channel.pointee.peerHeap.find(source, wanted) {
                unsafe csystem_copy(destination, mapped, wanted)
                count = Int64(wanted)
            } else {
                unsafe isInHeap = false
                count = unsafe channel.pointee.link.peerMemory.read(destination, from: source, byteCount: wanted)
            }
            guard count > 0 else {
                // Whoever wants these bytes gets them another way, after this one: no read takes longer.
                unsafe (ticks, readByteCount) = (.max, readByteCount + byteCount)
                unsafe SharedMemoryChannel.note(self)
                return Int32(-count)
            }
            unsafe transport.pointee.readBudget -= UInt64(count)
            unsafe destination += Int(count)
            unsafe source += UInt64(count)
            unsafe byteCount -= UInt64(count)
            unsafe readByteCount &+= UInt64(count)
        }
        unsafe ticks &+= csystem_ticks() &- start
        if unsafe readByteCount > 0 { unsafe SharedMemoryChannel.note(self) }
        // A peer says that it has closed before it lets go of what it offered: then these bytes may be others.
        csystem_fence()
        return unsafe csystem_load_acquire(channel.pointee.peers.closed) == 0 ? 0 : ECONNRESET
    }
}
