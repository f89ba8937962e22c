/// A peer's name in its eight-byte form, zero padded.
///
/// A name of up to 8 bytes is its own wire form. A longer one becomes `~` and 7 characters of URL-safe base64
/// of the top 42 bits of its FNV-1a 64 hash: both sides can compute it, and whole names travel in PEER_INFO.
public struct WireName: Hashable, Sendable {
    /// The eight bytes as one number in wire order, so that comparing numbers compares unsigned bytes.
    private let word: UInt64

    public init(_ name: String) {
        let utf8 = Array(name.utf8)
        self.init(bytes: utf8.count <= 8 ? utf8[...] : Self.digest(of: utf8)[...])
    }

    /// - Parameter bytes: at most 8; missing ones are zero.
    init(bytes: ArraySlice<UInt8>) {
        precondition(bytes.count <= 8)
        let value = bytes.reduce(UInt64(0)) { ($0 << 8) | UInt64($1) }
        word = bytes.isEmpty ? 0 : value << UInt64(8 * (8 - bytes.count))
    }

    /// Exactly eight bytes, zero padded.
    public var bytes: [UInt8] { stride(from: 56, through: 0, by: -8).map { UInt8(truncatingIfNeeded: word >> $0) } }

    private static func digest(of name: [UInt8]) -> [UInt8] {
        let hash = name.reduce(UInt64(0xcbf2_9ce4_8422_2325)) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
        let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)
        return [UInt8(ascii: "~")] + stride(from: 58, to: 16, by: -6).map { alphabet[Int((hash >> $0) & 63)] }
    }
}

extension WireName: Comparable {
    public static func < (left: WireName, right: WireName) -> Bool { left.word < right.word }
}

extension WireName: CustomStringConvertible {
    /// The bytes before the first zero, for messages to people; bytes that are no UTF-8 are replaced.
    public var description: String { String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self) }
}
