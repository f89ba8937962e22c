/// The eight bytes before every payload: type and payload size, both big endian.
public struct FrameHeader: Equatable, Sendable {
    /// Size of the header itself, in bytes.
    public static let byteCount = 8
    /// The longest payload that is accepted, in bytes.
    public static let maximumPayloadByteCount: UInt32 = 65_536

    /// The number of the message; may be one that `MessageType` does not list.
    public let type: UInt32
    /// Payload that follows, in bytes; at most `maximumPayloadByteCount`.
    public let payloadByteCount: UInt32

    /// Reads a header before any of its payload is read, so that nothing is allocated for a lie.
    /// - Parameter bytes: exactly `byteCount` bytes, as they arrived.
    /// - Throws: `payloadTooLong`.
    public init(decoding bytes: [UInt8]) throws(PreconError) {
        precondition(bytes.count == Self.byteCount, "the caller collects a whole header first")
        var reader = ByteReader(bytes[...])
        type = reader.readBigEndian(UInt32.self)!
        payloadByteCount = reader.readBigEndian(UInt32.self)!
        guard payloadByteCount <= Self.maximumPayloadByteCount else {
            throw .payloadTooLong(byteCount: payloadByteCount, limit: Self.maximumPayloadByteCount)
        }
    }
}
