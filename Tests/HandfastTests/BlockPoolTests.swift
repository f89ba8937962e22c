import Testing

@testable import Handfast

@Suite struct `A pool of blocks` {
    private static func block(_ pool: inout BlockPool, _ byteCount: Int) throws -> UnsafeMutableRawPointer {
        let block = pool.take(byteCount)
        return try #require(block)
    }

    @Test func `has room for what was asked for, and gives the block of one size again`() throws {
        var kept = 0
        var pool = BlockPool(keptByteLimit: 1 << 30)
        for byteCount in Array(1...3_000) + [65_536, 100_000, 1 << 20, 2 << 20, (2 << 20) + 1, 5_000_000] {
            let block = try Self.block(&pool, byteCount)
            block.initializeMemory(as: UInt8.self, repeating: 7, count: byteCount)
            pool.give(block, byteCount)
            kept = pool.keptByteCount
            #expect(byteCount > 2 << 20 || kept >= byteCount)
            let again = try Self.block(&pool, byteCount)
            if byteCount <= 2 << 20 { #expect(again == block) }
            pool.give(again, byteCount)
        }
    }

    @Test func `keeps no more than its limit`() throws {
        var kept = 0
        var pool = BlockPool(keptByteLimit: 16_384)
        let blocks = try (0..<1_000).map { _ in try Self.block(&pool, 1_000) }
        for block in blocks {
            pool.give(block, 1_000)
            kept = pool.keptByteCount
            #expect(kept <= 16_384)
        }
        kept = pool.keptByteCount
        #expect(kept > 16_384 - 2_048)
        let large = try Self.block(&pool, 20_000)
        pool.give(large, 20_000)
        kept = pool.keptByteCount
        #expect(kept <= 16_384)
    }

    @Test func `lets go of sizes that are in the way`() throws {
        var kept = 0
        var pool = BlockPool(keptByteLimit: 16_384)
        let small = try (0..<200).map { _ in try Self.block(&pool, 128) }
        for block in small { pool.give(block, 128) }
        let large = try Self.block(&pool, 10_000)
        pool.give(large, 10_000)
        let again = try Self.block(&pool, 10_000)
        #expect(again == large)
        pool.give(large, 10_000)
        kept = pool.keptByteCount
        #expect(kept <= 16_384)
    }

    @Test func `keeps nothing without a limit`() throws {
        var kept = 0
        var pool = BlockPool(keptByteLimit: 0)
        let block = try Self.block(&pool, 100)
        pool.give(block, 100)
        kept = pool.keptByteCount
        #expect(kept == 0)
    }
}
