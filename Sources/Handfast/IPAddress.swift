import TransportAPI

/// An IPv4 or IPv6 address, the latter with the zone that a link-local one needs. It needs no memory beyond itself.
public struct IPAddress: Hashable, Sendable {
    private enum Family: Hashable { case ipv4, ipv6 }

    /// In network order; an IPv4 address is the lower half of `low`.
    private let high, low: UInt64
    /// The interface, `eth0` or a number, 1 to 15 bytes; only ever with 16 bytes of address.
    public let zone: String?
    private let family: Family

    /// Nil when there are not 4 or 16 bytes, or when the zone is none or stands with 4 bytes.
    public init?(bytes: [UInt8], zone: String? = nil) {
        guard bytes.count == 4 && zone == nil || bytes.count == 16 else { return nil }
        if let zone, !Self.isZone(zone) { return nil }
        high = bytes.count == 4 ? 0 : bytes[..<8].reduce(0) { $0 << 8 | UInt64($1) }
        low = bytes.suffix(8).reduce(0) { $0 << 8 | UInt64($1) }
        family = bytes.count == 4 ? .ipv4 : .ipv6
        self.zone = zone
    }

    /// What `words` and `isIPv6` gave of an address without a zone.
    init(high: UInt64, low: UInt64, isIPv6: Bool) {
        (self.high, self.low) = (high, low)
        zone = nil
        family = isIPv6 ? .ipv6 : .ipv4
    }

    var words: (high: UInt64, low: UInt64) { (high, low) }

    private init(ipv4 word: UInt64) {
        high = 0
        low = word
        zone = nil
        family = .ipv4
    }

    /// 127.0.0.1.
    static let loopback = IPAddress(ipv4: 0x7f00_0001)
    /// ::1.
    static let loopbackIPv6 = IPAddress(bytes: Array(repeating: 0, count: 15) + [1])!
    /// 0.0.0.0.
    static let anyIPv4 = IPAddress(ipv4: 0)
    /// `::`, which a listener for IPv4 and IPv6 binds to.
    static let anyIPv6 = IPAddress(bytes: Array(repeating: 0, count: 16))!

    /// In network order, 4 or 16.
    public var bytes: [UInt8] {
        let tail = Self.bytes(of: low)
        return isIPv6 ? Self.bytes(of: high) + tail : Array(tail[4...])
    }

    private static func bytes(of word: UInt64) -> [UInt8] {
        (0..<8).map { UInt8(truncatingIfNeeded: word >> (56 - 8 * UInt64($0))) }
    }

    var isIPv6: Bool { family == .ipv6 }

    /// Whether this is an IPv4 address in IPv6 form, `::ffff:0:0/96`.
    var isMapped: Bool { isIPv6 && high == 0 && low >> 32 == 0xffff }

    /// The IPv4 address that an IPv6 socket shows as `::ffff:10.0.0.1`; otherwise the address itself.
    var unmapped: IPAddress { isMapped ? IPAddress(ipv4: low & 0xffff_ffff) : self }

    /// 127.0.0.0/8 or ::1, also in IPv6 form.
    var isLoopback: Bool {
        let address = unmapped
        return address.isIPv6 ? address.high == 0 && address.low == 1 : address.low >> 24 == 127
    }

    /// 0.0.0.0 or `::`: to a listener all addresses, to who connects this host.
    var isUnspecified: Bool { unmapped.high == 0 && unmapped.low == 0 }

    /// 169.254.0.0/16 or fe80::/10: good on one link alone.
    var isLinkLocal: Bool {
        let address = unmapped
        return address.isIPv6 ? address.high >> 54 == 0x3fa : address.low >> 16 == 0xa9fe
    }

    /// The same address with another zone; IPv4 has none.
    func with(zone: String?) -> IPAddress { IPAddress(bytes: bytes, zone: zone) ?? self }

    /// Whether the first bits of two addresses of one family are the same, whatever their zones.
    /// - Parameter bitCount: more than the address has means all of them.
    func hasSamePrefix(as other: IPAddress, bitCount: Int) -> Bool {
        guard family == other.family else { return false }
        let skipped = isIPv6 ? 0 : 96
        let count = max(0, bitCount) + skipped
        return Self.hasSamePrefix(high, other.high, bitCount: count)
            && Self.hasSamePrefix(low, other.low, bitCount: count - 64)
    }

    private static func hasSamePrefix(_ one: UInt64, _ other: UInt64, bitCount: Int) -> Bool {
        let count = min(max(bitCount, 0), 64)
        return count == 0 || (one ^ other) >> UInt64(64 - count) == 0
    }

    /// What Linux allows as the name of an interface, without what would end the zone in an endpoint's address.
    private static func isZone(_ text: String) -> Bool {
        (1...15).contains(text.utf8.count) && !text.hasControlCharacter
            && text.utf8.allSatisfy { !" /:%]@".utf8.contains($0) }
    }
}
