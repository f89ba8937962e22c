/// All IP addresses that begin with the same bits: `10.0.0.0/8`.
struct IPNetwork: Hashable, Sendable {
    private let address: IPAddress
    /// 0 to 32 or to 128.
    private let prefixBitCount: Int

    /// Reads `10.0.0.0/8`, `fe80::/10` or a single address; nil for anything else, and for a zone.
    ///
    /// Bits after the prefix say nothing. A network of IPv4 addresses in IPv6 form is one of IPv4 addresses.
    init?(_ text: String) {
        let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard let first = parts.first, let address = IPAddress(String(first)), address.zone == nil else { return nil }
        var prefixBitCount = address.bytes.count * 8
        if parts.count == 2 {
            guard let number = Self.prefixBitCount(parts[1]), number <= prefixBitCount else { return nil }
            prefixBitCount = number
        }
        let isIPv4 = address.isMapped && prefixBitCount >= 96
        self.address = isIPv4 ? address.unmapped : address
        self.prefixBitCount = isIPv4 ? prefixBitCount - 96 : prefixBitCount
    }

    /// An IPv4 address in IPv6 form counts as what it is; the zone does not matter.
    func contains(_ other: IPAddress) -> Bool {
        address.hasSamePrefix(as: other.unmapped, bitCount: prefixBitCount)
    }

    private static func prefixBitCount(_ digits: Substring) -> Int? {
        guard (1...3).contains(digits.utf8.count),
            digits.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) })
        else { return nil }
        return Int(digits)
    }
}
