import Glibc

/// Content that differs from message to message, so that a stale, cut or mixed one is seen.
enum Pattern {
    static func fill(_ bytes: UnsafeMutableRawBufferPointer, number: UInt32) {
        var word = UInt64(number) &* 0x9e37_79b9_7f4a_7c15 | 1
        var index = 0
        while index + 8 <= bytes.count {
            bytes.storeBytes(of: next(&word), toByteOffset: index, as: UInt64.self)
            index += 8
        }
        while index < bytes.count {
            bytes[index] = UInt8(truncatingIfNeeded: next(&word) >> 32)
            index += 1
        }
    }

    /// The first byte that differs; nil when none does.
    static func difference(_ sent: UnsafeRawBufferPointer, _ received: UnsafeRawBufferPointer) -> Int? {
        if sent.isEmpty || memcmp(sent.baseAddress!, received.baseAddress!, sent.count) == 0 { return nil }
        return sent.indices.first { sent[$0] != received[$0] }
    }

    private static func next(_ word: inout UInt64) -> UInt64 {
        word ^= word << 13
        word ^= word >> 7
        word ^= word << 17
        return word
    }
}
