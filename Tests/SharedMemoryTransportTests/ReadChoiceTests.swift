import Testing

@testable import SharedMemoryTransport

@Suite struct `The choice between reading and bulk memory` {
    /// Times so many slots of 8 KiB, one after the other.
    private func time(_ choice: inout ReadChoice, slotTicks: UInt64, count: UInt64 = 60) {
        for number in 0..<count {
            choice.notePart(8_192, line: 1_000 + number, lineCount: 1, now: 5 + slotTicks * number)
        }
    }

    /// What the receiver wishes after so many reads of one size.
    private func wishes(_ choice: inout ReadChoice, _ byteCount: UInt64, ticks: UInt64, count: Int = 60) -> UInt64 {
        var wishes: UInt64 = 0
        for _ in 0..<count { wishes = choice.noteRead(byteCount, isInHeap: false, ticks: ticks) }
        return wishes
    }

    @Test func `has a class for each power of two, twice`() {
        let sizes: [(UInt64, Int)] = [
            (0, 0), (16_384, 0), (32_767, 0), (32_768, 1), (65_535, 1), (65_536, 2), (1 << 20, 6), (2 << 20, 7),
            (.max, 7),
        ]
        for (byteCount, index) in sizes {
            #expect(ReadChoice.classIndex(byteCount, isInHeap: false) == index, "\(byteCount)")
            #expect(ReadChoice.classIndex(byteCount, isInHeap: true) == 8 + index, "\(byteCount)")
        }
    }

    @Test func `needs to know both`() {
        var choice = ReadChoice()
        #expect(wishes(&choice, 65_536, ticks: 1) == 0)
    }

    @Test func `falls on reading when that takes an eighth less, for this size only`() {
        var choice = ReadChoice()
        time(&choice, slotTicks: 1_000)  // 8,000 for 64 KiB
        #expect(wishes(&choice, 65_536, ticks: 7_200) == 0)
        #expect(wishes(&choice, 65_536, ticks: 6_900) == 0b100)
        #expect(wishes(&choice, 1 << 20, ticks: 16 * 6_900) == 0b1000100)
        #expect(wishes(&choice, 16_384, ticks: 8_000) == 0b1000100)
    }

    @Test func `goes back when reading takes longer, not before`() {
        var choice = ReadChoice()
        time(&choice, slotTicks: 1_000)
        #expect(wishes(&choice, 65_536, ticks: 4_000) == 0b100)
        #expect(wishes(&choice, 65_536, ticks: 7_900) == 0b100)
        #expect(wishes(&choice, 65_536, ticks: 8_400) == 0b100)
        #expect(wishes(&choice, 65_536, ticks: 8_800) == 0)
    }

    @Test func `knows after six reads, the first of which was slow, and changes its mind within twenty`() {
        var choice = ReadChoice()
        time(&choice, slotTicks: 1_000)
        _ = choice.noteRead(65_536, isInHeap: false, ticks: 16_000)
        #expect(wishes(&choice, 65_536, ticks: 3_000, count: 5) == 0b100)
        #expect(wishes(&choice, 65_536, ticks: 10_000, count: 20) == 0)
    }

    @Test func `times the packets of a ring as it does slots`() {
        var choice = ReadChoice()
        // 24 lines each, 8,000 ticks for 64 KiB.
        for number in 0..<60 as Range<UInt64> {
            choice.notePart(1_528, line: 1_000 + 24 * number, lineCount: 24, now: 5 + number * 187)
        }
        #expect(wishes(&choice, 65_536, ticks: 7_200) == 0)
        #expect(wishes(&choice, 65_536, ticks: 6_900) == 0b100)
    }

    @Test func `looks at the clock for a quarter of the slots and an eighth of the packets`() {
        let lines = 0..<8_192 as Range<UInt64>
        #expect(lines.count { ReadChoice.isTimed(line: $0, isInSlot: true) } == lines.count / 4)
        #expect(lines.count { ReadChoice.isTimed(line: $0, isInSlot: false) } == lines.count / 8)
    }

    @Test func `takes no notice of pauses between slots`() {
        var choice = ReadChoice()
        time(&choice, slotTicks: 1_000)
        // Others in between: of messages, or of the part of the ring that is not timed.
        for number in 0..<60 as Range<UInt64> {
            choice.notePart(8_192, line: 5_000 + 2 * number, lineCount: 1, now: 1_000_000 * number)
        }
        #expect(wishes(&choice, 65_536, ticks: 7_900) == 0)
    }

    @Test func `counts a third more for the sender's heap, which is a class of its own`() {
        var choice = ReadChoice()
        time(&choice, slotTicks: 1_000)
        func wishes(ticks: UInt64) -> UInt64 {
            var wishes: UInt64 = 0
            for _ in 0..<60 { wishes = choice.noteRead(65_536, isInHeap: true, ticks: ticks) }
            return wishes
        }
        #expect(wishes(ticks: 5_400) == 0)
        #expect(wishes(ticks: 5_200) == 1 << 10)
        #expect(wishes(ticks: 6_500) == 0)
        #expect(choice.reads(65_536, isInHeap: true, wishes: 1 << 10) == true)
        #expect(choice.reads(65_536, isInHeap: false, wishes: 1 << 10) == false)
    }

    @Test func `forgets a first time that was a thousand times too long`() {
        var choice = ReadChoice()
        choice.notePart(8_192, line: 1, lineCount: 1, now: 0)
        choice.notePart(8_192, line: 2, lineCount: 1, now: 1_000_000)
        time(&choice, slotTicks: 1_000, count: 12)
        #expect(wishes(&choice, 65_536, ticks: 16_000) == 0)
        #expect(wishes(&choice, 16_384, ticks: 1 << 40, count: 1) == 0)
        #expect(wishes(&choice, 16_384, ticks: 1_500, count: 6) == 1)
    }

    @Test func `bears any times`() {
        var choice = ReadChoice()
        for ticks in [0, 1, .max, .max - 1, 1 << 32, 1 << 63] as [UInt64] {
            choice.notePart(1, line: .max, lineCount: 1, now: ticks)
            choice.notePart(0, line: 0, lineCount: 1, now: 0)
            choice.notePart(8_192, line: 1, lineCount: 1, now: .max)
            for byteCount in [0, 1, 1 << 20, .max] as [UInt64] {
                _ = choice.noteRead(byteCount, isInHeap: ticks == 1, ticks: ticks)
            }
        }
    }

    @Test(arguments: [0, 0b100] as [UInt64])
    func `is tried the other way for six payloads, ever more rarely`(wishes: UInt64) {
        var choice = ReadChoice()
        let usual = wishes != 0
        for interval in [8, 16, 32, 64, 128, 256, 512, 1_024, 2_048, 4_096, 4_096] {
            for _ in 0..<interval { #expect(choice.reads(65_536, isInHeap: false, wishes: wishes) == usual) }
            for _ in 0..<6 { #expect(choice.reads(65_536, isInHeap: false, wishes: wishes) != usual) }
        }
        // The receiver has changed its mind.
        for _ in 0..<8 { #expect(choice.reads(65_536, isInHeap: false, wishes: ~wishes) != usual) }
        for _ in 0..<6 { #expect(choice.reads(65_536, isInHeap: false, wishes: ~wishes) == usual) }
        #expect(choice.reads(32_768, isInHeap: false, wishes: 0) == false, "each class counts for itself")
    }
}
