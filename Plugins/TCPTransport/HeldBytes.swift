/// Bytes of a stream that the engine did not take yet; they lie behind this in the same allocation.
@unsafe struct HeldBytes {
    typealias Pointer = UnsafeMutablePointer<HeldBytes>

    private let byteCount: Int
    /// The bytes stay where they are, so that one who takes little at a time pays for little.
    private var takenByteCount = 0

    static func make(copying bytes: UnsafeRawBufferPointer) -> Pointer {
        let size = unsafe MemoryLayout<HeldBytes>.size
        let memory = UnsafeMutableRawPointer.allocate(byteCount: size + bytes.count, alignment: 8)
        let held = unsafe memory.bindMemory(to: HeldBytes.self, capacity: 1)
        unsafe held.initialize(to: HeldBytes(byteCount: bytes.count))
        unsafe UnsafeMutableRawBufferPointer(start: memory + size, count: bytes.count).copyMemory(from: bytes)
        return unsafe held
    }

    static func bytes(of held: Pointer) -> UnsafeRawBufferPointer {
        let start = unsafe UnsafeRawPointer(held + 1) + held.pointee.takenByteCount
        return unsafe UnsafeRawBufferPointer(start: start, count: held.pointee.byteCount - held.pointee.takenByteCount)
    }

    var isEmpty: Bool { unsafe takenByteCount == byteCount }

    mutating func take(_ count: Int) { unsafe takenByteCount += min(count, byteCount - takenByteCount) }
}
