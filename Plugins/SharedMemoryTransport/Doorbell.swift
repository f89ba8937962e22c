import CSystem

/// One endpoint's memory that all its local peers map: a bit per connection, so that the owner looks at one word.
///
/// Line 0: the owner sleeps. Line 1: the summary, one bit per word of the index. Lines 2 and 3: the index, one bit per
/// word of bits. From line 4: the bits. A peer that writes nonsense here wastes the owner's time or spoils the wake-ups
/// of this user's other processes, no more.
// Safe: bits are below `bitCount`, and the maker of the memory vouches for `byteCount` bytes.
@safe struct Doorbell {
    static let bitCount = 65_536
    static let byteCount = 12_288
    private static let indexWordCount = bitCount / 64 / 64

    private let sleeping: UnsafeMutablePointer<UInt64>
    private let summary: UnsafeMutablePointer<UInt64>
    private let index: UnsafeMutablePointer<UInt64>
    private let words: UnsafeMutablePointer<UInt64>

    /// - Parameter memory: `byteCount` bytes, aligned to a line; outlives this value.
    init(_ memory: UnsafeMutableRawPointer) {
        unsafe sleeping = memory.assumingMemoryBound(to: UInt64.self)
        unsafe summary = sleeping + 8
        unsafe index = summary + 8
        unsafe words = index + Self.indexWordCount
    }

    /// Sets a bit. To be called after the thing to tell was written and a fence.
    /// - Returns: true when the owner sleeps and is now ours to wake.
    func ring(_ bit: Int) -> Bool {
        let word = unsafe words + (bit >> 6)
        let mask = UInt64(1) << UInt64(bit & 63)
        // A bit that still stands was set and told by ourselves; the owner clears it before it looks at the ring.
        if unsafe csystem_load(word) & mask != 0 { return false }
        _ = unsafe csystem_fetch_or(word, mask)
        revisit(bit)
        return unsafe csystem_load(sleeping) != 0 && csystem_exchange(sleeping, 0) != 0
    }

    /// For a bit that changes hands: should its last ringer have died between bit and summary, the bit is found, not
    /// left standing.
    func revisit(_ bit: Int) {
        _ = unsafe csystem_fetch_or(index + (bit >> 12), 1 << UInt64((bit >> 6) & 63))
        _ = unsafe csystem_fetch_or(summary, 1 << UInt64(bit >> 12))
    }

    // Hot path.
    /// Whether any bit may be set.
    var isRung: Bool { unsafe csystem_load(summary) != 0 }

    /// Takes and clears the summary, then a word of the index, then a word of bits: in this order, so that a bit that
    /// comes in between is told again and not lost. Bits of the summary beyond the index are a peer's fancy.
    func takeSummary() -> UInt64 { unsafe csystem_exchange(summary, 0) & (1 << UInt64(Self.indexWordCount) - 1) }
    func takeIndex(_ word: Int) -> UInt64 { unsafe csystem_exchange(index + word, 0) }
    func takeBits(ofWord word: Int) -> UInt64 { unsafe csystem_exchange(words + word, 0) }

    /// Says that from now on only the bell wakes the owner, or that it is awake; with a fence.
    func setSleeping(_ sleeps: Bool) { _ = unsafe csystem_exchange(sleeping, sleeps ? 1 : 0) }
}
