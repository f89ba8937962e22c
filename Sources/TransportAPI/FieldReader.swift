/// Reads big-endian fields from a step or another message of the peer's; nil when they end too soon.
package struct FieldReader {
    private var rest: ArraySlice<UInt8>

    package init(_ bytes: [UInt8]) { rest = bytes[...] }

    package var isAtEnd: Bool { rest.isEmpty }

    package mutating func read<Field: FixedWidthInteger & UnsignedInteger>(_ type: Field.Type) -> Field? {
        let byteCount = Field.bitWidth / 8
        guard rest.count >= byteCount else { return nil }
        defer { rest.removeFirst(byteCount) }
        return rest.prefix(byteCount).reduce(0) { $0 << 8 | Field($1) }
    }

    package mutating func readBytes(_ count: Int) -> [UInt8]? {
        guard rest.count >= count else { return nil }
        defer { rest.removeFirst(count) }
        return Array(rest.prefix(count))
    }
}

extension [UInt8] {
    package mutating func append(field: some FixedWidthInteger & UnsignedInteger) {
        for shift in stride(from: field.bitWidth - 8, through: 0, by: -8) {
            append(UInt8(truncatingIfNeeded: field >> shift))
        }
    }
}
