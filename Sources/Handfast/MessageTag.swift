/// What most receives match by: the first eight bytes of a user header as a little-endian number.
enum MessageTag {
    static let byteCount = 8

    // Hot path.
    /// - Returns: of a header that is shorter than eight bytes: as if zeros followed.
    @inline(__always)
    static func read(_ userHeader: UnsafeRawBufferPointer) -> UInt64 {
        guard userHeader.count >= byteCount else { return readShort(userHeader) }
        return UInt64(littleEndian: userHeader.loadUnaligned(as: UInt64.self))
    }

    /// Apart, because else who matches by no tag pays for it, too.
    @inline(never)
    private static func readShort(_ userHeader: UnsafeRawBufferPointer) -> UInt64 {
        var tag: UInt64 = 0
        for index in 0..<userHeader.count { tag |= UInt64(userHeader[index]) << (8 * UInt64(index)) }
        return tag
    }
}
