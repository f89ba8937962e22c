import CBench
import Glibc

/// What memory a process has: as the allocator counts it, and the part of it that others map too.
struct MemoryReading {
    static let byteCount = 16

    /// Handed out by malloc and not given back.
    var heapByteCount = 0
    /// Shared segments, as far as their pages are there.
    var sharedByteCount = 0

    static func now() -> MemoryReading {
        MemoryReading(heapByteCount: Int(clamping: cbench_heap_bytes()), sharedByteCount: sharedByteCount())
    }

    init(heapByteCount: Int, sharedByteCount: Int) {
        self.heapByteCount = heapByteCount
        self.sharedByteCount = sharedByteCount
    }

    init(reading bytes: UnsafeRawBufferPointer) {
        heapByteCount = Int(littleEndian: bytes.loadUnaligned(as: Int.self))
        sharedByteCount = Int(littleEndian: bytes.loadUnaligned(fromByteOffset: 8, as: Int.self))
    }

    func write(to bytes: UnsafeMutableRawBufferPointer) {
        bytes.storeBytes(of: heapByteCount.littleEndian, as: Int.self)
        bytes.storeBytes(of: sharedByteCount.littleEndian, toByteOffset: 8, as: Int.self)
    }

    private static func sharedByteCount() -> Int {
        let lines = SmallFile.read("/proc/self/status")?.split(separator: "\n") ?? []
        let words = lines.first { $0.hasPrefix("RssShmem:") }?.split(whereSeparator: \.isWhitespace) ?? []
        return words.count > 1 ? (Int(words[1]) ?? 0) * 1024 : 0
    }
}
