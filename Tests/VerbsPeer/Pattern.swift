/// What the messages of a stream hold: each begins eight bytes later in the same random bytes than the one before, so that
/// none can be taken for another, and all are compared at the speed of memory.
public final class Pattern {
    private static let period = 4096
    private let memory: UnsafeMutableRawBufferPointer
    private let byteCount: Int

    /// - Parameter byteCount: of each message.
    public init(byteCount: Int) {
        self.byteCount = byteCount
        let wordCount = (byteCount + Self.period + 7) / 8
        memory = .allocate(byteCount: 8 * wordCount, alignment: 4096)
        let words = memory.baseAddress!.bindMemory(to: UInt64.self, capacity: wordCount)
        var word: UInt64 = 0x9e37_79b9_7f4a_7c15
        var index = 0
        while index < wordCount {
            word ^= word &<< 13
            word ^= word &>> 7
            word ^= word &<< 17
            words[index] = word
            index &+= 1
        }
    }

    deinit { memory.deallocate() }

    public func message(_ index: Int) -> UnsafeRawBufferPointer {
        let start = index * 8 % Self.period
        return UnsafeRawBufferPointer(rebasing: memory[start..<start + byteCount])
    }
}
