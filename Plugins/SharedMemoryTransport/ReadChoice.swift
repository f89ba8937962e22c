/// Whether payloads of some size come sooner when the receiver reads them from the sender's memory, or as a stream, through bulk
/// memory where the connection has some, else through the ring.
///
/// Neither is known beforehand: bytes that lie in the receiver's own cache since the last time are read in half the time,
/// those that were just written take longer. So the receiver times both and tells the sender, who now and then sends some
/// messages the other way.
struct ReadChoice {
    /// Sizes: below 32 KiB, below 64 KiB, and so on; the last are all from 2 MiB on.
    private static let sizeCount = 8

    private var timings = ReadTimings()
    private var trials = InlineArray<16, ReadTrial>(repeating: ReadTrial())

    /// A class of payloads, by size and by whether the sender's heap has them, which is read much sooner than other memory.
    static func classIndex(_ byteCount: UInt64, isInHeap: Bool) -> Int {
        let exponent = UInt64.bitWidth - 1 - (byteCount | 1).leadingZeroBitCount
        return min(max(exponent - 14, 0), sizeCount - 1) + (isInHeap ? sizeCount : 0)
    }

    /// At the sender, for the next payload; of those that are announced in any case at the receiver.
    /// - Parameter wishes: the receiver's, one bit a class.
    mutating func reads(_ byteCount: UInt64, isInHeap: Bool, wishes: UInt64) -> Bool {
        let index = Self.classIndex(byteCount, isInHeap: isInHeap)
        return trials[index].decide(wishes & 1 << UInt64(index) != 0)
    }

    /// At the receiver: so many bytes were read.
    /// - Returns: what it wishes now, one bit a class.
    mutating func noteRead(_ byteCount: UInt64, isInHeap: Bool, ticks: UInt64) -> UInt64 {
        // Whoever writes such memory anew must first have its lines back from the receiver, which takes time at the sender.
        timings.noteRead(
            Self.classIndex(byteCount, isInHeap: isInHeap), byteCount, isInHeap ? ticks &+ ticks / 3 : ticks)
    }

    // Hot path.
    /// Slots are timed in a quarter of the lines only, and packets with bytes of their own, which are shorter, in an eighth: to
    /// look at the clock costs as much as to copy 200 bytes.
    /// - Parameter line: the first of the packet, counted from the ring's first use.
    static func isTimed(line: UInt64, isInSlot: Bool) -> Bool { line & (isInSlot ? 96 : 896) == 0 }

    /// At the receiver: the engine has a packet that was nothing but a part of one payload.
    /// - Parameters:
    ///   - line: the first of the packet.
    ///   - lineCount: of the packet; one that names a slot has one.
    ///   - now: in ticks.
    mutating func notePart(_ byteCount: UInt64, line: UInt64, lineCount: UInt64, now: UInt64) {
        timings.notePart(byteCount, line: line, lineCount: lineCount, now: now)
    }
}

/// What 64 KiB take, in ticks, as far as it is known.
private struct ReadTimings {
    private var wishes: UInt64 = 0
    private var reads = InlineArray<16, UInt64>(repeating: 0)
    private var parts: UInt64 = 0
    /// Where the part that was noted last ends.
    private var lastEnd: UInt64 = 0
    private var lastTime: UInt64 = 0

    mutating func noteRead(_ index: Int, _ byteCount: UInt64, _ ticks: UInt64) -> UInt64 {
        let sample = Self.perUnit(ticks, byteCount)
        // The first of some reads brings the bytes into the receiver's cache: what follows counts more.
        reads[index] = Self.mix(reads[index], sample, share: sample < reads[index] ? 2 : 4)
        let bit = UInt64(1) << UInt64(index)
        // Never before both are known; and not to and fro when they are about the same.
        if parts > 0, reads[index] <= parts / 8 * 7 { wishes |= bit }
        if reads[index] > parts / 16 * 17 { wishes &= ~bit }
        return wishes
    }

    mutating func notePart(_ byteCount: UInt64, line: UInt64, lineCount: UInt64, now: UInt64) {
        // Only what follows another part of the same payload says how long one takes: between two payloads is a packet that
        // has a header in it, and is no part.
        if line == lastEnd { parts = Self.mix(parts, Self.perUnit(now &- lastTime, byteCount), share: 8) }
        (lastEnd, lastTime) = (line &+ lineCount, now)
    }

    private static func perUnit(_ ticks: UInt64, _ byteCount: UInt64) -> UInt64 {
        min(ticks, UInt64(UInt32.max)) << 16 / max(byteCount, 1)
    }

    /// - Parameter share: of the sample, as a divisor. A thread that was away in between counts as four times the usual,
    ///   and if that was all that was known, as four times what follows.
    private static func mix(_ mean: UInt64, _ sample: UInt64, share: UInt64) -> UInt64 {
        guard mean > 0 else { return sample }
        let known = min(mean, 4 * max(sample, 1))
        return known + min(sample, 4 * known) / share - known / share
    }
}

/// When a sender tries the other way: after 8 payloads, then after twice as many each time that nothing came of it.
private struct ReadTrial {
    private static let trialCount: UInt16 = 6
    private static let firstInterval: UInt16 = 8
    private static let longestInterval: UInt16 = 4_096

    private var isUsual = false
    private var count: UInt16 = 0
    private var interval = firstInterval

    mutating func decide(_ wished: Bool) -> Bool {
        if wished != isUsual { (isUsual, count, interval) = (wished, 0, Self.firstInterval) }
        count += 1
        guard count > interval else { return isUsual }
        if count == interval + Self.trialCount { (count, interval) = (0, min(2 * interval, Self.longestInterval)) }
        return !isUsual
    }
}
