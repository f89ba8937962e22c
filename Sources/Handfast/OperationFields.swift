/// Some bytes of a region.
struct Extent {
    let offset: UInt64
    let byteCount: UInt64

    init(_ offset: UInt64, _ byteCount: UInt64) { (self.offset, self.byteCount) = (offset, byteCount) }

    func contains(_ other: Extent) -> Bool {
        other.offset >= offset && other.offset - offset <= byteCount
            && other.byteCount <= byteCount - (other.offset - offset)
    }
}

/// The fields of a message of a one-sided operation: two numbers of 32 bits and some of 64, big endian.
struct OperationFields {
    let first: UInt32
    let second: UInt32
    let wordCount: Int
    /// Those that are not there are zero.
    let words: (UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64)

    /// Of a get that is a part: all of the operation.
    var extentOfGet: Extent? { wordCount == 5 ? Extent(words.3, words.4) : nil }

    /// - Returns: nil unless it has just as many words.
    init?(_ bytes: UnsafeRawBufferPointer, wordCounts: ClosedRange<Int>) {
        guard bytes.count % 8 == 0, wordCounts.contains(bytes.count / 8 - 1) else { return nil }
        wordCount = bytes.count / 8 - 1
        let numbers = UInt64(bigEndian: bytes.loadUnaligned(as: UInt64.self))
        first = UInt32(truncatingIfNeeded: numbers >> 32)
        second = UInt32(truncatingIfNeeded: numbers)
        let count = wordCount
        // Each read once: the bytes may lie in memory that the peer can change.
        func word(_ index: Int) -> UInt64 {
            index <= count
                ? UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 8 * index, as: UInt64.self)) : 0
        }
        words = (word(1), word(2), word(3), word(4), word(5), word(6), word(7))
    }
}
