/// The address of a port, as packets carry it.
struct GID: Hashable, CustomStringConvertible {
    static let byteCount = 16
    let bytes: [UInt8]

    /// - Precondition: 16 bytes.
    init(_ bytes: [UInt8]) {
        precondition(bytes.count == Self.byteCount)
        self.bytes = bytes
    }

    var isMappedIPv4: Bool { bytes[..<10].allSatisfy { $0 == 0 } && bytes[10] == 0xff && bytes[11] == 0xff }
    var isLinkLocal: Bool { bytes[0] == 0xfe && bytes[1] & 0xc0 == 0x80 }
    /// Of InfiniBand: ports of one subnet have it in common.
    var subnet: ArraySlice<UInt8> { bytes[..<8] }

    var description: String {
        if isMappedIPv4 { return "::ffff:" + bytes[12...].map { String($0) }.joined(separator: ".") }
        return stride(from: 0, to: 16, by: 2)
            .map { String(UInt16(bytes[$0]) << 8 | UInt16(bytes[$0 + 1]), radix: 16) }.joined(separator: ":")
    }
}
