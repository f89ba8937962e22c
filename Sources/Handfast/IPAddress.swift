import TransportAPI

/// An IPv4 or IPv6 address, the latter with the zone that a link-local one needs.
public struct IPAddress: Hashable, Sendable {
    /// In network order, 4 or 16.
    public let bytes: [UInt8]
    /// The interface, `eth0` or a number, 1 to 15 bytes; only ever with 16 bytes of address.
    public let zone: String?

    /// Nil when there are not 4 or 16 bytes, or when the zone is none or stands with 4 bytes.
    public init?(bytes: [UInt8], zone: String? = nil) {
        guard bytes.count == 4 && zone == nil || bytes.count == 16 else { return nil }
        if let zone, !Self.isZone(zone) { return nil }
        self.bytes = bytes
        self.zone = zone
    }

    static let localhost = IPAddress(bytes: 127, 0, 0, 1)

    var isIPv6: Bool { bytes.count == 16 }

    /// The IPv4 address that an IPv6 socket shows as `::ffff:10.0.0.1`; otherwise the address itself.
    var unmapped: IPAddress {
        guard isMapped else { return self }
        return IPAddress(bytes: bytes[12], bytes[13], bytes[14], bytes[15])
    }

    /// Whether this is an IPv4 address in IPv6 form, `::ffff:0:0/96`.
    var isMapped: Bool { isIPv6 && bytes[..<10].allSatisfy { $0 == 0 } && bytes[10] == 0xff && bytes[11] == 0xff }

    private init(bytes first: UInt8, _ second: UInt8, _ third: UInt8, _ fourth: UInt8) {
        bytes = [first, second, third, fourth]
        zone = nil
    }

    /// What Linux allows as the name of an interface, without what would end the zone in an endpoint's address.
    private static func isZone(_ text: String) -> Bool {
        (1...15).contains(text.utf8.count) && !text.hasControlCharacter
            && text.utf8.allSatisfy { !" /:%]@".utf8.contains($0) }
    }
}
