import Precon

/// The peers that an endpoint holds connections ready for. Most are never talked to, so each costs little.
struct PeerTable {
    struct Peer {
        let slot: UnsafeMutablePointer<ConnectionSlot>
        /// Has a name.
        let target: PeerTarget
        /// The next in the same bucket; -1 for none.
        fileprivate var next: Int32

        /// A pscom peer has no other name.
        fileprivate var wireName: WireName { WireName(target.name ?? "") }
    }

    private var peers = ChunkedArray<Peer?>()
    private var free: [Int32] = []
    /// By the hash of the wire form, the latest peer; -1 for none. As many as peers or up to twice as many: eight bytes a
    /// peer at most, where a dictionary just grown takes forty.
    private var buckets: [Int32] = []

    var slots: [UnsafeMutablePointer<ConnectionSlot>] { (0..<peers.count).compactMap { peers[$0]?.slot } }

    subscript(_ index: Int32) -> Peer? { index < 0 ? nil : peers[Int(index)] }

    /// - Precondition: the target has a name, and no peer of that name is in the table.
    mutating func add(_ slot: UnsafeMutablePointer<ConnectionSlot>, _ target: PeerTarget) -> Int32 {
        if peers.count - free.count == buckets.count { grow() }
        let index: Int32
        let peer = Peer(slot: slot, target: target, next: -1)
        if let reused = free.popLast() {
            index = reused
            peers[Int(index)] = peer
        } else {
            index = Int32(peers.count)
            peers.append(peer)
        }
        link(index, peer.wireName)
        return index
    }

    mutating func remove(_ index: Int32) {
        guard let peer = self[index] else { return }
        let bucket = bucket(of: peer.wireName)
        if buckets[bucket] == index {
            buckets[bucket] = peer.next
        } else {
            var before = buckets[bucket]
            while let other = self[before], other.next != index { before = other.next }
            if before >= 0 { peers[Int(before)]?.next = peer.next }
        }
        peers[Int(index)] = nil
        free.append(index)
    }

    /// - Parameter wholeName: nil from a pscom peer: then the wire form alone decides.
    func find(_ wire: WireName, wholeName: String?) -> Peer? {
        guard !buckets.isEmpty else { return nil }
        var index = buckets[bucket(of: wire)]
        while let peer = self[index] {
            if peer.wireName == wire, wholeName == nil || peer.target.name == wholeName { return peer }
            index = peer.next
        }
        return nil
    }

    private func bucket(of wire: WireName) -> Int { Int(UInt(bitPattern: wire.hashValue) % UInt(buckets.count)) }

    private mutating func link(_ index: Int32, _ wire: WireName) {
        let bucket = bucket(of: wire)
        peers[Int(index)]?.next = buckets[bucket]
        buckets[bucket] = index
    }

    private mutating func grow() {
        buckets = [Int32](repeating: -1, count: max(16, buckets.count * 2))
        for index in 0..<peers.count {
            if let peer = peers[index] { link(Int32(index), peer.wireName) }
        }
    }
}
