/// Takes fixed-width fields from the front of some bytes; every read tells whether enough was left.
struct ByteReader {
    private(set) var rest: ArraySlice<UInt8>

    init(_ bytes: ArraySlice<UInt8>) { rest = bytes }

    mutating func readBigEndian<Value: FixedWidthInteger>(_: Value.Type) -> Value? {
        guard let field = readBytes(Value.bitWidth / 8) else { return nil }
        return field.reduce(0) { ($0 << 8) | Value(truncatingIfNeeded: $1) }
    }

    mutating func readLittleEndian<Value: FixedWidthInteger>(_: Value.Type) -> Value? {
        guard let field = readBytes(Value.bitWidth / 8) else { return nil }
        return field.reversed().reduce(0) { ($0 << 8) | Value(truncatingIfNeeded: $1) }
    }

    mutating func readBytes(_ count: Int) -> ArraySlice<UInt8>? {
        guard rest.count >= count else { return nil }
        defer { rest = rest.dropFirst(count) }
        return rest.prefix(count)
    }
}
