import Glibc

/// What the program has allocated from an endpoint, so that nothing else is ever given back.
struct Allocations: ~Copyable {
    private enum Origin {
        case ordinary
        case transport(LiveTransport)
    }

    private static let pageByteCount = 4096
    private static let lineByteCount = 64

    private var origins: [UnsafeMutableRawPointer: Origin] = [:]

    /// What transports gave ends with them.
    deinit {
        for case (let memory, .ordinary) in origins { free(memory) }
    }

    /// - Returns: nil when there is no memory.
    mutating func allocate(_ byteCount: Int, from transports: [LiveTransport]) -> UnsafeMutableRawPointer? {
        for transport in transports {
            guard let memory = transport.allocate(byteCount) else { continue }
            origins[memory] = .transport(transport)
            return memory
        }
        var memory: UnsafeMutableRawPointer?
        let alignment = byteCount < Self.pageByteCount ? Self.lineByteCount : Self.pageByteCount
        guard byteCount <= MemoryKey.maximumMemoryByteCount,
            posix_memalign(&memory, alignment, max(byteCount, 1)) == 0, let memory
        else { return nil }
        origins[memory] = .ordinary
        return memory
    }

    /// Whether no transport has given it.
    func isOrdinary(_ memory: UnsafeMutableRawPointer) -> Bool {
        if case .transport = origins[memory] { false } else { true }
    }

    /// - Returns: whether it was memory of `allocate`.
    mutating func release(_ memory: UnsafeMutableRawPointer) -> Bool {
        switch origins.removeValue(forKey: memory) {
        case nil: return false
        case .ordinary: free(memory)
        case .transport(let transport): transport.release(memory)
        }
        return true
    }
}
