/// The dialects that a side can speak, and, between Handfast peers, who it is this time.
public struct VersionOffer: Hashable, Sendable {
    /// What Handfast appends to the eight bytes that pscom reads.
    public struct Extension: Hashable, Sendable {
        /// Optional abilities; an unknown bit is ignored.
        public var features: UInt64
        /// Random, chosen once per endpoint: a changed value under an old name is a restart.
        public var incarnation: UInt64
        /// Random, chosen once per precon connection; exactly 16 bytes on the wire.
        public var nonce: Nonce

        /// A bit of `features`: the starter's connect may come by several streams, which have incarnation and connection
        /// id in common; the answerer takes the first and sends the others REJECT (superseded).
        public static let severalStreams: UInt64 = 1
        /// A bit of `features`: the sender answers RMA_READ for a payload that it announced by a rendezvous, in pieces
        /// as the peer asks, and asks so itself.
        public static let rendezvousByMessages: UInt64 = 1 << 1
        /// A bit of `features`: the sender serves one-sided operations.
        public static let oneSided: UInt64 = 1 << 2
        /// Bits 56 to 63 of `features`: who says a number there counts credit, in both directions, and connections to it
        /// begin with two to the power of that many bytes of it. It serves what `rendezvousByMessages` says, too.
        public static func credit(exponent: Int) -> UInt64 { UInt64(UInt8(clamping: exponent)) << 56 }
        public static func creditExponent(_ features: UInt64) -> Int { Int(features >> 56) }

        public init(features: UInt64, incarnation: UInt64, nonce: Nonce) {
            self.features = features
            self.incarnation = incarnation
            self.nonce = nonce
        }
    }

    /// Sixteen random bytes, as two words in wire order.
    public struct Nonce: Hashable, Sendable {
        public var high: UInt64
        public var low: UInt64
        public init(high: UInt64, low: UInt64) {
            self.high = high
            self.low = low
        }
    }

    /// What pscom 6 speaks.
    public static let pscomDialect: UInt32 = 0x0200
    /// What two Handfast peers speak.
    public static let handfastDialect: UInt32 = 0x0300

    public var lowest: UInt32
    public var highest: UInt32
    /// Absent from a pscom peer.
    public var handfast: Extension?

    public init(lowest: UInt32, highest: UInt32, handfast: Extension?) {
        self.lowest = lowest
        self.highest = highest
        self.handfast = handfast
    }

    /// The highest dialect in both ranges, or nil when there is none.
    public func commonDialect(with peer: VersionOffer) -> UInt32? {
        let candidate = min(highest, peer.highest)
        return candidate >= max(lowest, peer.lowest) ? candidate : nil
    }
}

extension VersionOffer {
    static let pscomByteCount = 8
    static let handfastByteCount = 40

    init(decoding payload: ArraySlice<UInt8>) throws(PreconError) {
        var reader = ByteReader(payload)
        // Between 8 and 40 the extension would be cut; beyond 40 a later Handfast has appended more.
        guard payload.count == Self.pscomByteCount || payload.count >= Self.handfastByteCount,
            let lowest = reader.readLittleEndian(UInt32.self), let highest = reader.readLittleEndian(UInt32.self)
        else {
            throw .wrongSize(type: .version, byteCount: payload.count, allowed: "8, or 40 and more")
        }
        self.init(lowest: lowest, highest: highest, handfast: nil)
        guard let features = reader.readBigEndian(UInt64.self), let incarnation = reader.readBigEndian(UInt64.self),
            let high = reader.readBigEndian(UInt64.self), let low = reader.readBigEndian(UInt64.self)
        else { return }
        // A pscom that sent a longer VERSION would mean something else by these bytes.
        guard highest >= Self.handfastDialect else { return }
        handfast = Extension(features: features, incarnation: incarnation, nonce: Nonce(high: high, low: low))
    }

    func encode(into writer: inout ByteWriter) {
        writer.writeLittleEndian(lowest)
        writer.writeLittleEndian(highest)
        guard let handfast else { return }
        writer.writeBigEndian(handfast.features)
        writer.writeBigEndian(handfast.incarnation)
        writer.writeBigEndian(handfast.nonce.high)
        writer.writeBigEndian(handfast.nonce.low)
    }
}
