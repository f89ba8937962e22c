import CBench
import Glibc

/// What memory a process has: as the allocator counts it, and the part of it that others map too.
struct MemoryReading {
    static let byteCount = 24

    /// Handed out by malloc and not given back.
    var heapByteCount = 0
    /// Shared segments, as far as their pages are there.
    var sharedByteCount = 0
    /// Pinned for devices.
    var pinnedByteCount = 0

    static func now() -> MemoryReading {
        MemoryReading(
            heapByteCount: Int(clamping: cbench_heap_bytes()), sharedByteCount: sharedByteCount(),
            pinnedByteCount: pinnedByteCount())
    }

    init(heapByteCount: Int, sharedByteCount: Int, pinnedByteCount: Int) {
        self.heapByteCount = heapByteCount
        self.sharedByteCount = sharedByteCount
        self.pinnedByteCount = pinnedByteCount
    }

    init(reading bytes: UnsafeRawBufferPointer) {
        heapByteCount = Int(littleEndian: bytes.loadUnaligned(as: Int.self))
        sharedByteCount = Int(littleEndian: bytes.loadUnaligned(fromByteOffset: 8, as: Int.self))
        pinnedByteCount = Int(littleEndian: bytes.loadUnaligned(fromByteOffset: 16, as: Int.self))
    }

    func write(to bytes: UnsafeMutableRawBufferPointer) {
        bytes.storeBytes(of: heapByteCount.littleEndian, as: Int.self)
        bytes.storeBytes(of: sharedByteCount.littleEndian, toByteOffset: 8, as: Int.self)
        bytes.storeBytes(of: pinnedByteCount.littleEndian, toByteOffset: 16, as: Int.self)
    }

    private static func pinnedByteCount() -> Int {
        for line in SmallFile.read("/proc/self/status")?.split(separator: "\n") ?? [] {
            let words = line.split { $0 == " " || $0 == "\t" }
            if words.first == "VmPin:", words.count > 1, let kibibytes = Int(words[1]) { return kibibytes << 10 }
        }
        return 0
    }

    /// Of all segments that are mapped here, each once: their pages are reserved, whether they were touched or not.
    private static func sharedByteCount() -> Int {
        guard let file = fopen("/proc/self/maps", "re") else { return 0 }
        defer { fclose(file) }
        var line: UnsafeMutablePointer<CChar>?
        var capacity = 0
        defer { free(line) }
        var byteCounts: [Substring: Int] = [:]
        while getline(&line, &capacity, file) > 0, let line {
            // From-to, permissions, offset, device, inode, name.
            let text = String(cString: line)
            guard text.contains("memfd:handfast") else { continue }
            let words = text.split(separator: " ")
            let bounds = words[0].split(separator: "-").compactMap { Int($0, radix: 16) }
            guard words.count > 5, bounds.count == 2 else { continue }
            byteCounts[words[4], default: 0] = max(byteCounts[words[4], default: 0], bounds[1] - bounds[0])
        }
        return byteCounts.values.reduce(0, +)
    }
}
