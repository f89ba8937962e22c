import TransportAPI

/// Everything that one agreed connection owns; given back with this value.
struct Link: ~Copyable {
    let role: AttemptRole
    var segment: SharedSegment
    let peerDoorbell: SharedSegment
    /// The peer's eventfd.
    let peerWake: Descriptor
    let peerBit: Int
    let slot: Slot
    var peerMemory: PeerMemory
}
