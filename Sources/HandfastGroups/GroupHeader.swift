import Handfast

/// The user header of every message of a group: what it belongs to, so that a receive of somebody else's that looks at
/// headers does not take it, and none of the group's takes somebody else's.
///
/// 16 bytes: "HFgr", u32 group, u32 sequence of the operation, u8 kind, u8 round, two zeros; little endian.
struct GroupHeader: Hashable {
    static let byteCount = 16
    private static let mark: UInt32 = 0x7267_4648

    enum Kind: UInt8 {
        case barrier = 1
        case broadcast = 2
    }

    var group: UInt32
    /// Which barrier or broadcast of the group it is: a member may be one ahead of another.
    var sequence: UInt32
    var kind: Kind
    var round: UInt8

    func write(to bytes: UnsafeMutableRawBufferPointer) {
        bytes.storeBytes(of: Self.mark.littleEndian, as: UInt32.self)
        bytes.storeBytes(of: group.littleEndian, toByteOffset: 4, as: UInt32.self)
        bytes.storeBytes(of: sequence.littleEndian, toByteOffset: 8, as: UInt32.self)
        bytes.storeBytes(
            of: (UInt32(kind.rawValue) | UInt32(round) << 8).littleEndian, toByteOffset: 12, as: UInt32.self)
    }

    /// Nil for the header of a message that is no group's.
    init?(_ bytes: UnsafeRawBufferPointer) {
        func word(_ offset: Int) -> UInt32 {
            UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self))
        }
        guard bytes.count == Self.byteCount, word(0) == Self.mark, word(12) >> 16 == 0,
            let kind = Kind(rawValue: UInt8(truncatingIfNeeded: word(12)))
        else { return nil }
        self.init(
            group: word(4), sequence: word(8), kind: kind, round: UInt8(truncatingIfNeeded: word(12) >> 8))
    }

    init(group: UInt32, sequence: UInt32, kind: Kind, round: UInt8) {
        (self.group, self.sequence, self.kind, self.round) = (group, sequence, kind, round)
    }
}
