import TransportAPI

/// Everything that one agreed connection owns; given back with this value.
struct Link: ~Copyable {
    let role: AttemptRole
    var segment: SharedSegment
    let peerDoorbell: SharedSegment
    /// To wake the peer.
    let peerBell: Descriptor
    let peerBit: Int
    let slot: Slot
    var peerMemory: PeerMemory
}
