/// How much room the echoing side keeps for one connection.
struct EchoLayout: Hashable {
    /// On the wire: three numbers of 8 bytes, little endian.
    static let encodedByteCount = 24
    static let maximumDepth = 256

    /// Receives that are posted at once.
    var depth: Int
    /// Room for each payload.
    var payloadByteCount: Int
    /// Room for each user header.
    var headerByteCount = 64
    /// One place for all payloads that come and another, never touched, for those that go, as other tools have it:
    /// who measures looks at no content, and what was just received would be slower to read for the peer.
    var sharesRoom = false

    /// Echoes that are still going out keep their room, so there is twice as much.
    var slotCount: Int { 2 * depth }
    /// Not a power of two, so that neighbours do not compete for the same lines of a cache.
    var payloadStride: Int { (payloadByteCount + 63) / 64 * 64 + 64 }
    var byteCount: Int { slotCount * headerByteCount + (sharesRoom ? 2 : slotCount) * payloadStride }

    /// For a peer that has not said what it will send: one message at a time, with any header.
    static func unannounced(payloadByteCount: Int) -> EchoLayout {
        EchoLayout(depth: 1, payloadByteCount: payloadByteCount, headerByteCount: 1 << 16)
    }

    init(depth: Int, payloadByteCount: Int, headerByteCount: Int = 64, sharesRoom: Bool = false) {
        self.depth = depth
        // The next layout must find room too.
        self.payloadByteCount = max(payloadByteCount, Self.encodedByteCount)
        self.headerByteCount = headerByteCount
        self.sharesRoom = sharesRoom
    }

    /// From a peer's message; nil when it makes no sense or wants more than this side gives.
    /// - Parameter limit: the most bytes for all payloads.
    init?(reading bytes: UnsafeRawBufferPointer, limit: Int) {
        guard bytes.count == Self.encodedByteCount else { return nil }
        func word(_ index: Int) -> UInt64 {
            UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: 8 * index, as: UInt64.self))
        }
        let (depth, byteCount, sharesRoom) = (word(0), word(1), word(2))
        guard (1...UInt64(Self.maximumDepth)).contains(depth), byteCount <= UInt64(limit) / depth, sharesRoom < 2
        else { return nil }
        self.init(depth: Int(depth), payloadByteCount: Int(byteCount), sharesRoom: sharesRoom == 1)
    }

    func write(to bytes: UnsafeMutableRawPointer) {
        bytes.storeBytes(of: UInt64(depth).littleEndian, as: UInt64.self)
        bytes.storeBytes(of: UInt64(payloadByteCount).littleEndian, toByteOffset: 8, as: UInt64.self)
        bytes.storeBytes(of: UInt64(sharesRoom ? 1 : 0).littleEndian, toByteOffset: 16, as: UInt64.self)
    }
}
