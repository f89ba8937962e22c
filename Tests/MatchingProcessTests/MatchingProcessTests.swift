import Glibc
import Handfast
import Testing

/// Programs at random against the model, with a second process that sends: MATCHING_PROCESS_OPERATIONS of them (default
/// 60,000) from MATCHING_SEED (default random), which plays the same program first.
@Suite(.serialized) struct `Matching of messages from another process` {
    private static let variables = Settings.processEnvironment()
    private static let operationsPerProgram = 10_000

    @Test func `is as the model has it`() throws {
        let total = Self.variables["MATCHING_PROCESS_OPERATIONS"].flatMap { Int($0) } ?? 60_000
        var seed = Self.variables["MATCHING_SEED"].flatMap { UInt64($0) } ?? UInt64.random(in: 0...UInt64.max)
        print("ProcessProgram: from MATCHING_SEED=\(seed)")
        fflush(nil)
        var (done, programs) = (0, 0)
        let start = ContinuousClock.now
        while done < total {
            do {
                let program = try ProcessProgram(seed: seed)
                try program.run(operations: min(total - done, Self.operationsPerProgram))
                done += program.operationCount
            } catch {
                Issue.record("ProcessProgram, MATCHING_SEED=\(seed): \(error)")
                return
            }
            programs += 1
            seed &+= 1
        }
        print("ProcessProgram: \(done) operations in \(programs) programs, \(ContinuousClock.now - start)")
    }

    @Test func `ends all requests when that is killed, and leaves what was whole`() throws {
        var seed = Self.variables["MATCHING_SEED"].flatMap { UInt64($0) } ?? UInt64.random(in: 0...UInt64.max)
        print("ProcessProgram, killed: from MATCHING_SEED=\(seed)")
        fflush(nil)
        for _ in 0..<10 {
            do { try ProcessProgram(seed: seed).runIntoTheDeath(operations: 200) } catch {
                Issue.record("ProcessProgram, killed, MATCHING_SEED=\(seed): \(error)")
                return
            }
            seed &+= 1
        }
    }
}
