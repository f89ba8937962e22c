import Glibc
import Handfast
import Testing

/// Programs at random against the model: MATCHING_OPERATIONS of them (default 1,000,000) over all transports, from
/// MATCHING_SEED (default random), which plays the same program first.
@Suite struct `Matching, as the model has it` {
    private static let variables = Settings.processEnvironment()
    private static let transports = ["shm", "tcp", "loopback"]
    private static let operationsPerProgram = 10_000

    @Test(arguments: transports) func `finds the same for each operation`(transport: String) throws {
        try run("MatchingProgram over \(transport)", share: 0.8) { seed, count in
            let program = try MatchingProgram(seed: seed, transport: transport)
            try program.run(operations: count)
            return program.operationCount
        }
    }

    @Test(arguments: transports) func `finds the same for whole rounds within a small bound`(transport: String) throws {
        try run("LooseMatchingProgram over \(transport)", share: 0.2) { seed, count in
            let program = try LooseMatchingProgram(seed: seed, transport: transport)
            try program.run(operations: count)
            return program.operationCount
        }
    }

    /// Its part of all operations.
    private func run(_ what: String, share: Double, _ program: (UInt64, Int) throws -> Int) throws {
        let total = Self.variables["MATCHING_OPERATIONS"].flatMap { Double($0) } ?? 1_000_000
        let operations = Int(total * share) / Self.transports.count
        var seed = Self.variables["MATCHING_SEED"].flatMap { UInt64($0) } ?? UInt64.random(in: 0...UInt64.max)
        print("\(what): from MATCHING_SEED=\(seed)")
        fflush(nil)
        var (done, programs) = (0, 0)
        let start = ContinuousClock.now
        while done < operations {
            do {
                done += try program(seed, min(operations - done, Self.operationsPerProgram))
            } catch {
                Issue.record("\(what), MATCHING_SEED=\(seed): \(error)")
                return
            }
            programs += 1
            seed &+= 1
        }
        print("\(what): \(done) operations in \(programs) programs, \(ContinuousClock.now - start)")
    }
}
