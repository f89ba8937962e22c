import Glibc
import SeededRandom

/// An endless stream of bytes that a seed chooses; any part of it can be sent or compared without being made first.
struct Pattern {
    /// Prime, so that bytes moved by a power of two are found out. In bytes.
    static let period = 1_048_573

    /// Two periods, so that one period from any start lies in one piece. Written once, before it is shared.
    private static nonisolated(unsafe) let table: UnsafeRawPointer = {
        let table = UnsafeMutableRawPointer.allocate(byteCount: period * 2, alignment: 64)
        var generator = SplitMix64(state: 1)
        for word in 0..<period / 8 {
            table.storeBytes(of: generator.next(), toByteOffset: word * 8, as: UInt64.self)
        }
        for byte in period / 8 * 8..<period { table.storeBytes(of: 7, toByteOffset: byte, as: UInt8.self) }
        (table + period).copyMemory(from: table, byteCount: period)
        return UnsafeRawPointer(table)
    }()

    private let start: Int

    init(seed: UInt64) {
        var generator = SplitMix64(state: seed)
        start = Int(generator.next() % UInt64(Self.period))
    }

    /// - Parameter byteCount: at most a period.
    func bytes(at offset: Int, _ byteCount: Int) -> UnsafeRawBufferPointer {
        precondition(byteCount <= Self.period)
        return UnsafeRawBufferPointer(start: Self.table + (start + offset) % Self.period, count: byteCount)
    }

    func matches(_ bytes: UnsafeRawBufferPointer, at offset: Int) -> Bool {
        var compared = 0
        while compared < bytes.count {
            let count = min(bytes.count - compared, Self.period)
            let expected = self.bytes(at: offset + compared, count)
            guard memcmp(bytes.baseAddress! + compared, expected.baseAddress!, count) == 0 else { return false }
            compared += count
        }
        return true
    }
}
