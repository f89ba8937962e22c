/// The eight bytes before every message on the data path, the same over every transport.
///
/// u16 user header size, u8 kind, 40-bit payload size; little endian. The user header and the payload follow.
/// Source: Documentation/Wire.md, "Data path".
struct MessageHeader: Hashable, Sendable {
    static let byteCount = 8
    /// The longest payload, in bytes: 2^40-1.
    static let maximumPayloadByteCount = (1 << 40) - 1
    /// The longest user header, in bytes.
    static let maximumUserHeaderByteCount = Int(UInt16.max)

    /// What a message is for. A kind that is not listed is skipped by its sizes.
    enum Kind: UInt8, Sendable {
        case user = 0
        /// Asks for a part of a payload that a rendezvous request named.
        case readRequest = 2
        case readAnswer = 3
        case rendezvousRequest = 4
        case rendezvousFinished = 5
        /// The sender closes its direction.
        case end = 8
        // One-sided operations.
        case put = 64
        case get = 65
        case atomic = 66
        case operationAnswer = 67
        /// A put whose bytes are to be read, a get that is to be told where, and the end of that.
        case putOffer = 68
        case getOffer = 69
        case getFinished = 70
        /// What the peer may send from now on beyond what it might before.
        case credit = 71
        /// Nobody will ask for a payload that a rendezvous request announced.
        case rendezvousRefused = 72
    }

    var userHeaderByteCount: Int
    /// The number on the wire, known or not.
    var kindNumber: UInt8
    var payloadByteCount: Int

    var kind: Kind? { Kind(rawValue: kindNumber) }

    /// - Precondition: both sizes within their limits; the caller has checked what a user gave.
    init(_ kind: Kind, userHeaderByteCount: Int, payloadByteCount: Int) {
        precondition((0...Self.maximumUserHeaderByteCount).contains(userHeaderByteCount))
        precondition((0...Self.maximumPayloadByteCount).contains(payloadByteCount))
        self.userHeaderByteCount = userHeaderByteCount
        kindNumber = kind.rawValue
        self.payloadByteCount = payloadByteCount
    }

    // Hot path.
    /// From the eight bytes as one little-endian number: every value is a header.
    init(word: UInt64) {
        let word = UInt64(littleEndian: word)
        userHeaderByteCount = Int(word & 0xffff)
        kindNumber = UInt8(truncatingIfNeeded: word >> 16)
        payloadByteCount = Int(word >> 24)
    }

    // Hot path.
    /// The eight bytes as they lie in memory.
    var word: UInt64 {
        (UInt64(userHeaderByteCount) | UInt64(kindNumber) << 16 | UInt64(payloadByteCount) << 24).littleEndian
    }
}
