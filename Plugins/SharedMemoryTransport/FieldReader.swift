/// Reads big-endian fields from bytes of the peer; nil when they end too soon.
struct FieldReader {
    private var rest: ArraySlice<UInt8>

    init(_ bytes: [UInt8]) { rest = bytes[...] }

    var isAtEnd: Bool { rest.isEmpty }

    mutating func read<Field: FixedWidthInteger & UnsignedInteger>(_ type: Field.Type) -> Field? {
        let byteCount = Field.bitWidth / 8
        guard rest.count >= byteCount else { return nil }
        defer { rest.removeFirst(byteCount) }
        return rest.prefix(byteCount).reduce(0) { $0 << 8 | Field($1) }
    }

    mutating func readNonce() -> Nonce? {
        guard let high = read(UInt64.self), let low = read(UInt64.self) else { return nil }
        return Nonce(high: high, low: low)
    }
}

extension [UInt8] {
    mutating func append(field: some FixedWidthInteger & UnsignedInteger) {
        for shift in stride(from: field.bitWidth - 8, through: 0, by: -8) {
            append(UInt8(truncatingIfNeeded: field >> shift))
        }
    }

    mutating func append(nonce: Nonce) {
        append(field: nonce.high)
        append(field: nonce.low)
    }
}
