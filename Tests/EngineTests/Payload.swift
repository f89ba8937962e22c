/// Memory that stays where it is, filled from a seed or with zeros.
final class Payload: Equatable {
    let mutable: UnsafeMutableRawBufferPointer
    var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(mutable) }
    var byteCount: Int { mutable.count }
    /// For what outlives the payload, which ends with its last use.
    var copy: [UInt8] { withExtendedLifetime(self) { Array(bytes) } }

    init(byteCount: Int, seed: UInt64? = nil) {
        mutable = .allocate(byteCount: byteCount, alignment: 8)
        mutable.initializeMemory(as: UInt8.self, repeating: 0)
        guard let seed else { return }
        var word = seed &* 0x9e37_79b9_7f4a_7c15 | 1
        for index in 0..<byteCount {
            word ^= word << 13
            word ^= word >> 7
            word ^= word << 17
            mutable[index] = UInt8(truncatingIfNeeded: word)
        }
    }

    /// For a request that may outlive the test: never freed.
    static func lasting(byteCount: Int) -> Payload {
        Unmanaged.passRetained(Payload(byteCount: byteCount)).takeUnretainedValue()
    }

    deinit { mutable.deallocate() }

    static func == (left: Payload, right: Payload) -> Bool { left.bytes.elementsEqual(right.bytes) }

    func starts(with other: Payload) -> Bool { bytes.starts(with: other.bytes) }
}
