/// Bytes of a stream that the engine did not take yet.
@unsafe struct HeldBytes {
    private let memory: UnsafeMutableRawBufferPointer
    private var takenByteCount = 0

    init(copying bytes: UnsafeRawBufferPointer) {
        unsafe memory = .allocate(byteCount: bytes.count, alignment: 1)
        unsafe memory.copyMemory(from: bytes)
    }

    var bytes: UnsafeRawBufferPointer { unsafe UnsafeRawBufferPointer(rebasing: memory[takenByteCount...]) }
    var isEmpty: Bool { unsafe takenByteCount == memory.count }

    /// The bytes stay where they are, so that one who takes little at a time pays for little.
    mutating func take(_ byteCount: Int) { unsafe takenByteCount += min(byteCount, memory.count - takenByteCount) }

    func deallocate() { unsafe memory.deallocate() }
}
