/// What most receives match by: the first eight bytes of a user header as a little-endian number.
enum MessageTag {
    static let byteCount = 8

    // Hot path.
    /// - Returns: of a header that is shorter than eight bytes: as if zeros followed.
    static func read(_ userHeader: UnsafeRawBufferPointer) -> UInt64 {
        if userHeader.count >= byteCount { return UInt64(littleEndian: userHeader.loadUnaligned(as: UInt64.self)) }
        var tag: UInt64 = 0
        for index in 0..<userHeader.count { tag |= UInt64(userHeader[index]) << (8 * UInt64(index)) }
        return tag
    }
}
