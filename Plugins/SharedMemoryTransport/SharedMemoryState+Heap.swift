import CSystem
import Glibc

@c(handfast_shm_allocate) func sharedMemoryAllocate(
    _ state: UnsafeMutableRawPointer?, _ byteCount: UInt64
) -> UnsafeMutableRawPointer? {
    let transport = unsafe state!.assumingMemoryBound(to: SharedMemoryState.self)
    let heap = unsafe transport.pointee.heap.takeUnretainedValue()
    let isFirst = heap.descriptor < 0
    let memory = unsafe heap.allocate(Int(clamping: byteCount))
    if isFirst, heap.descriptor >= 0 { unsafe SharedMemoryState.tellOfHeap(transport) }
    return unsafe memory
}

@c(handfast_shm_release) func sharedMemoryRelease(
    _ state: UnsafeMutableRawPointer?, _ memory: UnsafeMutableRawPointer?
) {
    let transport = unsafe state!.assumingMemoryBound(to: SharedMemoryState.self)
    if let memory = unsafe memory { unsafe transport.pointee.heap.takeUnretainedValue().release(memory) }
}

extension SharedMemoryState {
    /// Lets all peers know of the heap, now that there is one.
    fileprivate static func tellOfHeap(_ transport: Pointer) {
        for word in 0..<Doorbell.bitCount / 64 where unsafe transport.pointee.usedSlots[word] != 0 {
            for bit in word * 64..<word * 64 + 64 {
                if let channel = unsafe transport.pointee.slots[bit] { unsafe tellOfHeap(channel) }
            }
        }
    }

    /// Lets one peer know of the heap, if there is one.
    static func tellOfHeap(_ channel: Channel) {
        let descriptor = unsafe channel.pointee.transport.pointee.heap.takeUnretainedValue().descriptor
        unsafe csystem_store_release(channel.pointee.mine.heap, UInt64(descriptor + 1))
    }

    /// Maps the peer's heap as soon as it has one.
    static func findPeerHeap(_ channel: Channel) {
        guard unsafe !channel.pointee.peerHeap.isTried else { return }
        let number = unsafe csystem_load_acquire(channel.pointee.peers.heap)
        guard let number = Int32(exactly: number), number > 0 else { return }
        let transport = unsafe channel.pointee.transport
        let peer = unsafe channel.pointee.link.peerMemory
        unsafe channel.pointee.peerHeap.map(
            pid: peer.pid, number: number - 1, own: transport.pointee.segment, proof: peer.proof,
            room: PeerHeap.totalByteCountLimit - transport.pointee.mappedByteCount)
        unsafe transport.pointee.mappedByteCount += channel.pointee.peerHeap.byteCount
    }

    static func dropPeerHeap(_ channel: Channel) {
        let transport = unsafe channel.pointee.transport
        unsafe transport.pointee.mappedByteCount -= channel.pointee.peerHeap.byteCount
        unsafe channel.pointee.peerHeap.unmap()
    }
}
