import CSystem

/// The reading end of a ring. Used by one thread; sizes from the ring are checked against the ring.
// Safe: every access is computed from `lineCount`, for which the maker of the memory vouches.
@safe struct RingConsumer {
    /// A control word that no producer of ours writes: the peer is broken, the ring is of no more use.
    struct Corrupt: Error, Equatable {
        let control: UInt64
        let line: Int
    }

    private let consumedLines: UnsafeMutablePointer<UInt64>
    private let lines: UnsafeMutableRawPointer
    private let lineCount: Int
    private var position = 0
    private var consumed: UInt64 = 0

    /// - Parameter memory: as for the producer; outlives this value.
    init(memory: UnsafeMutableRawPointer, lineCount: Int) {
        precondition(lineCount >= 4)
        unsafe consumedLines = memory.assumingMemoryBound(to: UInt64.self)
        unsafe lines = memory + RingMemory.lineByteCount
        self.lineCount = lineCount
    }

    // Hot path.
    /// The next packet in place, valid until `release`; nil when there is none.
    @inline(__always)
    mutating func peek() throws(Corrupt) -> UnsafeRawBufferPointer? {
        var control = unsafe csystem_load_acquire(self.control(position))
        if control == RingMemory.wrapMark {
            consumed &+= UInt64(lineCount - position)
            position = 0
            control = unsafe csystem_load_acquire(self.control(0))
        }
        guard control != 0 else { return nil }
        let limit = (lineCount - position - 1) * RingMemory.lineByteCount - RingMemory.controlByteCount
        guard control != RingMemory.wrapMark, limit >= 0, control - 1 <= UInt64(limit) else {
            throw Corrupt(control: control, line: position)
        }
        let start = unsafe lines + position * RingMemory.lineByteCount + RingMemory.controlByteCount
        return unsafe UnsafeRawBufferPointer(start: start, count: Int(control - 1))
    }

    /// Whether `peek` would find something, be it only that the ring is corrupt. Changes nothing.
    var hasPacket: Bool {
        let control = unsafe csystem_load_acquire(self.control(position))
        return unsafe control == RingMemory.wrapMark ? csystem_load_acquire(self.control(0)) != 0 : control != 0
    }

    // Hot path.
    /// Gives the lines of a packet of so many bytes back to the producer, and says how many they are.
    @inline(__always)
    @discardableResult
    mutating func release(_ byteCount: Int) -> Int {
        let used = RingMemory.lineCount(forPacketOf: byteCount)
        position += used
        consumed &+= UInt64(used)
        unsafe csystem_store_release(consumedLines, consumed)
        return used
    }

    private func control(_ line: Int) -> UnsafeMutablePointer<UInt64> {
        unsafe (lines + line * RingMemory.lineByteCount).assumingMemoryBound(to: UInt64.self)
    }
}
