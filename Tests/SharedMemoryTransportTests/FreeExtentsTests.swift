import SeededRandom
import Testing

@testable import SharedMemoryTransport

@Suite struct `Free extents` {
    /// The model: what is taken, by unit.
    @Test func `give the first place that fits, and join what is given back`() {
        let seed = UInt64.random(in: 0 ... .max)
        print("seed \(seed)")
        var generator = SplitMix64(state: seed)
        for _ in 0..<40 {
            var extents = FreeExtents()
            var isTaken: [Bool] = []
            var blocks: [(start: Int, count: Int)] = []
            for _ in 0..<400 {
                switch Int.random(in: 0..<8, using: &generator) {
                case 0 where isTaken.count < 500:
                    let growth = Int.random(in: 1...60, using: &generator)
                    extents.grow(by: growth)
                    isTaken += Array(repeating: false, count: growth)
                case 0...4:
                    let count = Int.random(in: 1...24, using: &generator)
                    let alignment = 1 << Int.random(in: 0...4, using: &generator)
                    let expected = stride(from: 0, through: isTaken.count - count, by: alignment).first { start in
                        !isTaken[start..<start + count].contains(true)
                    }
                    let missing = extents.missing(count, alignment: alignment)
                    let start = extents.take(count, alignment: alignment)
                    #expect(start == expected)
                    guard let start else {
                        var larger = extents
                        larger.grow(by: missing)
                        #expect(larger.take(count, alignment: alignment) != nil)
                        continue
                    }
                    for unit in start..<start + count { isTaken[unit] = true }
                    blocks.append((start, count))
                default:
                    guard let index = blocks.indices.randomElement(using: &generator) else { continue }
                    let block = blocks.remove(at: index)
                    extents.give(block.start, block.count)
                    for unit in block.start..<block.start + block.count { isTaken[unit] = false }
                }
                #expect(extents.end == isTaken.count)
            }
            for block in blocks { extents.give(block.start, block.count) }
            guard extents.end > 0 else { continue }
            #expect(extents.take(extents.end, alignment: 1) == 0)
        }
    }
}
