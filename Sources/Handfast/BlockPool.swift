import Glibc

/// Memory for messages without a receive: what came free is kept for the next of about the same size, up to a limit.
struct BlockPool: ~Copyable {
    /// Blocks come in four sizes for every doubling, so that at most a fifth of one is unused beyond the least.
    private static let leastByteCount = 128
    private static let leastExponent = 6
    /// Longer ones are never kept, in bytes.
    private static let mostByteCount = 2 << 20
    private static let classCount = 60

    /// By size: the first that is kept; each begins with the address of the next.
    private let first: UnsafeMutablePointer<UnsafeMutableRawPointer?>
    private(set) var keptByteCount = 0
    private let keptByteLimit: Int

    init(keptByteLimit: Int) {
        self.keptByteLimit = keptByteLimit
        first = .allocate(capacity: Self.classCount)
        first.initialize(repeating: nil, count: Self.classCount)
    }

    deinit {
        for index in 0..<Self.classCount {
            var next = first[index]
            while let block = next {
                next = block.load(as: UnsafeMutableRawPointer?.self)
                free(block)
            }
        }
        first.deallocate()
    }

    // Hot path.
    /// - Returns: nil when there is no memory.
    mutating func take(_ byteCount: Int) -> UnsafeMutableRawPointer? {
        guard byteCount <= Self.mostByteCount else { return malloc(byteCount) }
        let (index, size) = Self.sizeClass(byteCount)
        guard let block = first[index] else { return malloc(size) }
        first[index] = block.load(as: UnsafeMutableRawPointer?.self)
        keptByteCount -= size
        return block
    }

    // Hot path.
    /// - Parameter byteCount: as it was taken.
    mutating func give(_ block: UnsafeMutableRawPointer, _ byteCount: Int) {
        guard byteCount <= Self.mostByteCount else { return free(block) }
        let (index, size) = Self.sizeClass(byteCount)
        if keptByteCount + size > keptByteLimit, size <= keptByteLimit { makeRoom(size, index) }
        guard keptByteCount + size <= keptByteLimit else { return free(block) }
        block.storeBytes(of: first[index], as: UnsafeMutableRawPointer?.self)
        first[index] = block
        keptByteCount += size
    }

    /// What other sizes keep may be of no use any more.
    private mutating func makeRoom(_ byteCount: Int, _ index: Int) {
        for other in (0..<Self.classCount).reversed() where other != index {
            while keptByteCount + byteCount > keptByteLimit, let block = first[other] {
                first[other] = block.load(as: UnsafeMutableRawPointer?.self)
                keptByteCount -= Self.byteCount(ofClass: other)
                free(block)
            }
        }
    }

    private static func sizeClass(_ byteCount: Int) -> (index: Int, byteCount: Int) {
        let last = max(byteCount, leastByteCount) - 1
        let exponent = Int.bitWidth - 1 - last.leadingZeroBitCount
        let quarters = last >> (exponent - 2)
        return ((exponent - leastExponent) * 4 + (quarters & 3), (quarters + 1) << (exponent - 2))
    }

    private static func byteCount(ofClass index: Int) -> Int {
        ((index & 3) + 5) << (index / 4 + leastExponent - 2)
    }
}
