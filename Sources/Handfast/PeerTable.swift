import Precon

/// The peers that an endpoint holds connections ready for. Most are never talked to, so each costs little.
struct PeerTable {
    struct Peer {
        let slot: UnsafeMutablePointer<ConnectionSlot>
        /// Has a name.
        let target: PeerTarget
        /// The next with the same wire form of its name; -1 for none.
        fileprivate var next: Int32
    }

    private var peers = ChunkedArray<Peer?>()
    private var free: [Int32] = []
    /// By the wire form, because a pscom peer has no other.
    private var firsts: [WireName: Int32] = [:]

    var slots: [UnsafeMutablePointer<ConnectionSlot>] { (0..<peers.count).compactMap { peers[$0]?.slot } }

    subscript(_ index: Int32) -> Peer? { index < 0 ? nil : peers[Int(index)] }

    /// - Precondition: the target has a name, and no peer of that name is in the table.
    mutating func add(_ slot: UnsafeMutablePointer<ConnectionSlot>, _ target: PeerTarget) -> Int32 {
        let wire = WireName(target.name ?? "")
        let peer = Peer(slot: slot, target: target, next: firsts[wire] ?? -1)
        let index: Int32
        if let reused = free.popLast() {
            index = reused
            peers[Int(index)] = peer
        } else {
            index = Int32(peers.count)
            peers.append(peer)
        }
        firsts[wire] = index
        return index
    }

    mutating func remove(_ index: Int32) {
        guard let peer = self[index] else { return }
        let wire = WireName(peer.target.name ?? "")
        if firsts[wire] == index {
            firsts[wire] = peer.next < 0 ? nil : peer.next
        } else {
            var before = firsts[wire] ?? -1
            while let other = self[before], other.next != index { before = other.next }
            if before >= 0 { peers[Int(before)]?.next = peer.next }
        }
        peers[Int(index)] = nil
        free.append(index)
    }

    /// - Parameter wholeName: nil from a pscom peer: then the wire form alone decides.
    func find(_ wire: WireName, wholeName: String?) -> Peer? {
        var index = firsts[wire] ?? -1
        while let peer = self[index] {
            if wholeName == nil || peer.target.name == wholeName { return peer }
            index = peer.next
        }
        return nil
    }
}
