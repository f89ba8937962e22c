import Handfast

/// What is sent and received in a run, made once.
struct Buffers: ~Copyable {
    private static let headerStride = 64
    private static let slotLimit = 64

    private let memory: Memory
    private let roomStart: Int
    private let headerStart: Int
    private let verifies: Bool

    /// - Parameters:
    ///   - verifies: then no two messages that are in flight share a place.
    ///   - owner: whose memory they are; nil for the system's own.
    init(sizes: [Int], verifies: Bool, owner: Endpoint? = nil) throws(ToolError) {
        let byteCount =
            sizes.map { verifies ? Window.count($0, isEcho: true) * Self.stride($0) : Self.stride($0) }.max() ?? 0
        roomStart = byteCount
        headerStart = 2 * byteCount
        self.verifies = verifies
        memory = try Memory(byteCount: headerStart + 2 * Self.slotLimit * Self.headerStride, owner: owner)
        // Touched here, so that no page is made while a clock runs.
        Pattern.fill(memory.bytes, number: 1)
    }

    var isOrdinary: Bool { memory.isOrdinary }

    /// Promises an endpoint that they stay, as a runtime does with its own: a device then knows them all the time.
    func register(_ endpoint: Endpoint) throws(HandfastError) -> MemoryRegion {
        try endpoint.register(memory: memory.bytes, permissions: [])
    }

    private static func stride(_ byteCount: Int) -> Int { (byteCount + 63) / 64 * 64 + 64 }

    // Hot path.
    func payload(_ slot: Int, _ byteCount: Int) -> UnsafeMutableRawBufferPointer {
        let start = verifies ? slot * Self.stride(byteCount) : 0
        return UnsafeMutableRawBufferPointer(start: memory.bytes.baseAddress! + start, count: byteCount)
    }

    // Hot path.
    func room(_ slot: Int, _ byteCount: Int) -> UnsafeMutableRawBufferPointer {
        let start = roomStart + (verifies ? slot * Self.stride(byteCount) : 0)
        return UnsafeMutableRawBufferPointer(start: memory.bytes.baseAddress! + start, count: byteCount)
    }

    // Hot path.
    func header(_ slot: Int) -> UnsafeMutableRawBufferPointer {
        let start = headerStart + slot * Self.headerStride
        return UnsafeMutableRawBufferPointer(
            start: memory.bytes.baseAddress! + start, count: EchoHeader.byteCount)
    }

    // Hot path.
    func headerRoom(_ slot: Int) -> UnsafeMutableRawBufferPointer { header(Self.slotLimit + slot) }
}
