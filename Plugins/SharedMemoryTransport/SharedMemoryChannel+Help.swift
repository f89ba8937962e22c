import CSystem

/// Large payloads are copied by both sides at once: the receiver reads, and a sender that is polling writes a part of it.
extension SharedMemoryChannel {
    /// At the receiver: offers the peer a part at the end of what is read next.
    /// - Returns: how many bytes it was asked to write; 0 when it is not there, or is not worth asking.
    static func offerPart(
        of byteCount: UInt64, _ channel: Pointer, to destination: UnsafeMutableRawPointer, from source: UInt64
    ) -> UInt64 {
        guard unsafe csystem_load(channel.pointee.peers.notify) == 0 else { return 0 }
        let isInHeap = unsafe channel.pointee.peerHeap.find(source, byteCount) != nil
        let share = unsafe channel.pointee.help.share(destination, byteCount, isInHeap: isInHeap)
        guard share > 0, unsafe channel.pointee.producer.reserve(0) != nil else { return 0 }
        let own = byteCount - share
        unsafe channel.pointee.help.open(destination + Int(own), from: source + own, byteCount: share)
        unsafe channel.pointee.producer.publishOffer()
        return share
    }

    /// At the sender: the peer has offered a part of what it reads here. One that cannot read here might ask for anything: it
    /// gets nothing.
    static func takeOffer(_ channel: Pointer) {
        let transport = unsafe channel.pointee.transport
        guard unsafe transport.pointee.helpBudget > 0,
            unsafe csystem_load(channel.pointee.peers.reads) == transport.pointee.proof[1].secret,
            unsafe channel.pointee.link.peerMemory.obstacle == nil,
            let part = unsafe channel.pointee.peersOffer.take(limit: ReadHelp.offerLimit)
        else { return }
        let isWritten =
            unsafe channel.pointee.link.peerMemory.isStillThere()
            && channel.pointee.peersOffer.write(
                to: channel.pointee.link.peerMemory.pid, from: part.source, byteCount: part.byteCount)
        unsafe channel.pointee.peersOffer.answer(isWritten: isWritten)
        unsafe transport.pointee.helpBudget -= min(part.byteCount, transport.pointee.helpBudget)
    }
}
