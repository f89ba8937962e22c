import Glibc
import SeededRandom
import Testing

@testable import SharedMemoryTransport

/// Each used by one thread only.
private struct Lent: @unchecked Sendable { let side: Side }

@Suite struct `Two threads` {
    /// Polls, or sleeps until something comes; false when nothing woke it for a minute.
    private static func wait(_ side: Side, sleeps: Bool) -> Bool {
        guard side.poll() == 0 else { return true }
        guard sleeps, side.arm() == 0 else { return true }
        var entry = pollfd(fd: side.transport.descriptor, events: Int16(POLLIN), revents: 0)
        let count = Glibc.poll(&entry, 1, 60_000)
        side.poll()
        return count == 1
    }

    /// Sends a stream of `byteCount` bytes in runs of random length and receives as much.
    private static func exchange(_ side: Side, byteCount: Int, seed: UInt64) -> Bool {
        var generator = SplitMix64(state: seed)
        var sent = 0
        var roomCount = 0
        var isBlocked = false
        side.recorder.bytes.reserveCapacity(byteCount)
        while sent < byteCount || side.recorder.bytes.count < byteCount {
            if isBlocked, side.recorder.roomCount > roomCount { isBlocked = false }
            if sent < byteCount, !isBlocked {
                roomCount = side.recorder.roomCount
                let limit = Bool.random(using: &generator) ? 60 : 6000
                let wanted = min(byteCount - sent, Int.random(in: 1...limit, using: &generator))
                let taken = side.send((sent..<sent + wanted).map { UInt8(truncatingIfNeeded: $0 &* 13 >> 2) })
                sent += taken
                isBlocked = taken < wanted
            } else if !wait(side, sleeps: Bool.random(using: &generator)) {
                return false
            }
            if Int.random(in: 0..<4, using: &generator) == 0, !wait(side, sleeps: false) { return false }
        }
        return true
    }

    @Test func `never sleep through a message or through room, whatever their pace`() async throws {
        let seed = UInt64.random(in: 0 ... .max)
        print("seed \(seed)")
        let (one, two) = try Meeting.makeSides()
        let byteCount = 3_000_000
        let (first, second) = (Lent(side: one), Lent(side: two))
        async let left = Task.detached { Self.exchange(first.side, byteCount: byteCount, seed: seed) }.value
        async let right = Task.detached { Self.exchange(second.side, byteCount: byteCount, seed: seed &+ 1) }.value
        let woken = await (left, right)
        #expect(woken.0 && woken.1)
        let expected = (0..<byteCount).map { UInt8(truncatingIfNeeded: $0 &* 13 >> 2) }
        // Not compared by the macro, which would look for the differences of millions of bytes.
        let isSame = one.recorder.bytes == expected && two.recorder.bytes == expected
        #expect(isSame)
    }
}
