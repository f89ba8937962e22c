import Glibc

/// The 12-byte user header of a message under measurement, as our own peers read it; to pscom it is any header.
///
/// Bytes 0 to 3 are a mark, byte 4 says what the other end is to do, bytes 8 to 11 count the messages.
enum EchoHeader {
    static let byteCount = 12
    /// Little endian: `HFpp`.
    private static let mark: UInt32 = 0x7070_4648

    enum Kind: UInt8 {
        /// Send it back as it is; also what a header without the mark means.
        case echo = 0
        /// Receive it and say nothing.
        case take = 1
        /// Receive it and answer with an empty message.
        case acknowledge = 2
        /// Make room as the payload, an `EchoLayout`, says, then answer with an empty message.
        case prepare = 3
    }

    // Hot path.
    static func write(_ kind: Kind, number: UInt32 = 0, to header: UnsafeMutableRawPointer) {
        header.storeBytes(of: mark.littleEndian, as: UInt32.self)
        header.storeBytes(of: UInt32(kind.rawValue).littleEndian, toByteOffset: 4, as: UInt32.self)
        header.storeBytes(of: number.littleEndian, toByteOffset: 8, as: UInt32.self)
    }

    // Hot path.
    /// What a peer's message asks for; a header that is not ours asks for an echo.
    @inline(__always)
    static func kind(of header: UnsafeRawPointer, byteCount: Int) -> Kind {
        guard byteCount == Self.byteCount,
            UInt32(littleEndian: header.loadUnaligned(as: UInt32.self)) == mark
        else { return .echo }
        return Kind(rawValue: header.load(fromByteOffset: 4, as: UInt8.self)) ?? .echo
    }
}
