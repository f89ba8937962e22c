import TransportAPI

/// What the answerer holds until the starter replies.
struct Half: ~Copyable {
    let token: Nonce
    let socket: Descriptor
    var segment: SharedSegment
    let slot: Slot
    /// Of the process that made the listener, as the kernel says.
    let pid: Int32
}

extension Half {
    /// All is there. The segment's own descriptor goes: the peer has mapped it.
    consuming func link(
        peerDoorbell: consuming SharedSegment, peerBell: consuming Descriptor, peerBit: Int, peerMemory: PeerMemory
    ) -> Link {
        segment.closeDescriptor()
        return Link(
            role: .answerer, segment: segment, peerDoorbell: peerDoorbell, peerBell: peerBell, peerBit: peerBit,
            slot: slot, peerMemory: peerMemory)
    }
}
