import CSystem

/// A part of a payload that its reader asks the sender to write, while it reads the rest: then both sides copy at once.
///
/// Four words of the pair's memory for each direction: the state, where the part goes and how long it is, as the kernel wants them, and
/// where it lies at the sender. The kernel takes place and length from there, when the sender writes: so a reader that wants its memory
/// back only has to set the length to zero, and a sender that was stopped before it wrote will write nothing.
// Safe: four words, for which the maker of the memory vouches. What the peer wrote there is checked by whoever uses it.
@safe struct CopyOffer {
    private let start: UnsafeMutablePointer<UInt64>

    private enum State {
        static let none: UInt64 = 0
        static let open: UInt64 = 1
        static let taken: UInt64 = 2
        static let written: UInt64 = 3
        static let failed: UInt64 = 4
    }

    static let wordCount = 4

    init(_ start: UnsafeMutablePointer<UInt64>) { unsafe self.start = start }

    /// Address and length, as an `iovec`.
    private var place: UnsafeMutablePointer<UInt64> { unsafe start + 1 }

    // The reader's side.

    func open(_ destination: UnsafeMutableRawPointer, from source: UInt64, byteCount: UInt64) {
        unsafe start[1] = UInt64(UInt(bitPattern: destination))
        unsafe start[2] = byteCount
        unsafe start[3] = source
        unsafe csystem_store_release(start, State.open)
    }

    enum Answer: Equatable {
        /// Not taken, and now it cannot be any more; or the sender could not write.
        case refused
        case written
        /// Taken; the sender writes, or is about to.
        case underWay
    }

    /// Takes the offer back if nobody has taken it, and says what became of it. It is over unless the answer is `underWay`.
    func settle() -> Answer {
        // Not by exchange alone: that would take the line from a sender that is about to answer.
        if unsafe csystem_load(start) == State.open, unsafe csystem_compare_exchange(start, State.open, State.none) != 0
        {
            return .refused
        }
        switch unsafe csystem_load_acquire(start) {
        case State.taken: return .underWay
        case State.written: return .written
        default: return .refused
        }
    }

    /// A sender that has not begun to write will write nothing.
    func revoke() {
        unsafe csystem_store_release(start + 2, 0)
        csystem_fence()
    }

    // The sender's side.

    /// - Parameter limit: what it writes at most, in bytes; of more it writes nothing.
    /// - Returns: nil when there is no offer, any more.
    func take(limit: UInt64) -> (source: UInt64, byteCount: UInt64)? {
        guard unsafe csystem_compare_exchange(start, State.open, State.taken) != 0 else { return nil }
        // Each word is read once: the reader may change them.
        let byteCount = unsafe csystem_load(start + 2)
        return unsafe (csystem_load(start + 3), byteCount <= limit ? byteCount : 0)
    }

    /// Writes what was taken into the memory of the reader's process.
    /// - Returns: false as well for no bytes: then the part was too long, or the reader had its memory back before it was counted.
    func write(to pid: Int32, from source: UInt64, byteCount: UInt64) -> Bool {
        unsafe byteCount > 0 && csystem_write_process(pid, source, byteCount, place) == Int64(byteCount)
    }

    func answer(isWritten: Bool) {
        unsafe csystem_store_release(start, isWritten ? State.written : State.failed)
    }
}
