import TransportAPI

/// One bit of this endpoint's doorbell, given back with this value.
// Safe: the state outlives every attempt and channel of its transport.
@safe struct Slot: ~Copyable {
    let bit: Int
    private let state: UnsafeMutablePointer<SharedMemoryState>

    /// - Throws: `resources` when all are taken.
    init(of state: UnsafeMutablePointer<SharedMemoryState>) throws(TransportRefusal) {
        let words = unsafe state.pointee.usedSlots
        for index in unsafe state.pointee.firstFreeWord..<Doorbell.bitCount / 64 {
            let free = unsafe ~words[index]
            unsafe state.pointee.firstFreeWord = index
            guard free != 0 else { continue }
            unsafe words[index] |= free & (0 &- free)
            unsafe self.state = state
            bit = index * 64 + free.trailingZeroBitCount
            unsafe state.pointee.doorbell.revisit(bit)
            return
        }
        throw TransportRefusal(
            .resources, "all \(Doorbell.bitCount) shared-memory connections of this endpoint are taken")
    }

    deinit {
        unsafe state.pointee.slots[bit] = nil
        unsafe state.pointee.firstFreeWord = min(state.pointee.firstFreeWord, bit >> 6)
        unsafe state.pointee.usedSlots[bit >> 6] &= ~(1 << UInt64(bit & 63))
    }
}
