import Precon
import SeededRandom
import Testing

@Suite struct `A retry policy` {
    struct Wait: Sendable {
        let attempt: Int
        let growth: Double
        let milliseconds: Int
    }

    static let waits: [Wait] = [
        Wait(attempt: 2, growth: 1, milliseconds: 100), Wait(attempt: 9, growth: 1, milliseconds: 100),
        Wait(attempt: 2, growth: 2, milliseconds: 100), Wait(attempt: 3, growth: 2, milliseconds: 200),
        Wait(attempt: 4, growth: 2, milliseconds: 400), Wait(attempt: 5, growth: 2, milliseconds: 500),
        Wait(attempt: .max, growth: 2, milliseconds: 500), Wait(attempt: 3, growth: 1e300, milliseconds: 500),
    ]

    @Test(arguments: waits)
    func `waits longer each time, up to its limit`(wait: Wait) {
        let policy = RetryPolicy(
            attempts: 9, interval: .milliseconds(100), growth: wait.growth, maximumInterval: .milliseconds(500),
            deadline: .seconds(9))
        #expect(policy.wait(before: wait.attempt, random: 7) == .milliseconds(wait.milliseconds))
    }

    @Test func `lets chance take off its share and no more`() {
        let policy = RetryPolicy(attempts: 2, interval: .seconds(1), jitter: 0.25, deadline: .seconds(9))
        #expect(policy.wait(before: 2, random: 0) == .seconds(1))
        let least = policy.wait(before: 2, random: .max)
        #expect(least > .milliseconds(749) && least < .milliseconds(751))
    }

    @Test func `without an interval does not wait`() {
        let policy = RetryPolicy(attempts: 9, interval: .zero, growth: 3, deadline: .seconds(9))
        #expect(policy.wait(before: 8, random: 1) == .zero)
    }
}

@Suite struct `A connect that is tried again` {
    private let policy = RetryPolicy(attempts: 5, interval: .seconds(1), deadline: .seconds(100))

    /// Each address that is tried, and when, if all of them fail at once.
    private func attempts(_ retry: inout ConnectRetry, outcome: (Int) -> ConnectRetry.Outcome = { _ in .passing })
        -> (tried: [Int], times: [Duration], ending: ConnectRetry.Ending, end: Duration)
    {
        var elapsed = Duration.zero
        var tried: [Int] = []
        var times: [Duration] = []
        while true {
            switch retry.next(elapsed: elapsed, random: 0) {
            case .connect(let address):
                tried.append(address)
                times.append(elapsed)
                retry.ended(address: address, outcome(address), elapsed: elapsed)
            case .wait(let until): elapsed = until
            case .giveUp(let ending): return (tried, times, ending, elapsed)
            }
        }
    }

    @Test func `tries two addresses five times, which is ten connects and four waits`() {
        var retry = ConnectRetry(policy: policy, addressCount: 2)
        let result = attempts(&retry)
        #expect(result.tried == [0, 1, 0, 1, 0, 1, 0, 1, 0, 1])
        #expect(result.times == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4].map { .seconds($0) })
        #expect(result.ending == .attemptsUsed)
        #expect(retry.connectCount == 10)
        #expect(retry.next(elapsed: .seconds(5), random: 0) == .giveUp(.attemptsUsed))
    }

    @Test func `does not count a peer without room as an attempt, and waits a moment before it asks again`() {
        var policy = policy
        (policy.attempts, policy.interval, policy.deadline) = (2, .zero, .milliseconds(35))
        var retry = ConnectRetry(policy: policy, addressCount: 1)
        let result = attempts(&retry) { _ in .busy }
        #expect(result.times == [0, 10, 20, 30].map { .milliseconds($0) })
        #expect(result.ending == .deadlinePassed)
        var mixed = ConnectRetry(policy: policy, addressCount: 1)
        var outcomes: [ConnectRetry.Outcome] = [.busy, .passing, .busy, .passing]
        #expect(attempts(&mixed) { _ in outcomes.removeFirst() }.ending == .attemptsUsed)
        #expect(outcomes.isEmpty)
    }

    @Test func `starts at the address that worked last, in order, wrapping`() {
        var retry = ConnectRetry(policy: policy, addressCount: 3, startingAt: 2)
        #expect(attempts(&retry).tried.prefix(6) == [2, 0, 1, 2, 0, 1])
    }

    @Test func `ends at its deadline and not later`() {
        var policy = policy
        policy.deadline = .milliseconds(2500)
        var retry = ConnectRetry(policy: policy, addressCount: 1)
        let result = attempts(&retry)
        #expect(result.tried == [0, 0, 0])
        #expect(result.ending == .deadlinePassed)
        #expect(result.end == .milliseconds(2500))
    }

    @Test func `ends at its deadline though an address has not answered`() {
        var retry = ConnectRetry(policy: policy, addressCount: 2)
        #expect(retry.next(elapsed: .zero, random: 0) == .connect(address: 0))
        #expect(retry.next(elapsed: .seconds(1), random: 0) == .wait(until: .seconds(100)))
        #expect(retry.next(elapsed: .seconds(100), random: 0) == .giveUp(.deadlinePassed))
    }

    @Test func `is not tried again after a lasting refusal`() {
        var retry = ConnectRetry(policy: policy, addressCount: 2)
        let result = attempts(&retry) { _ in .lasting }
        #expect(result.tried == [0])
        #expect(result.ending == .refusedForGood)
    }

    @Test func `leaves out an address where another process is`() {
        var retry = ConnectRetry(policy: policy, addressCount: 3)
        #expect(attempts(&retry) { $0 == 1 ? .wrongPeer : .passing }.tried == [0, 1, 2] + [0, 2, 0, 2, 0, 2, 0, 2])
        retry = ConnectRetry(policy: policy, addressCount: 2)
        #expect(attempts(&retry) { _ in .wrongPeer }.ending == .noAddressLeft)
        retry = ConnectRetry(policy: policy, addressCount: 0)
        #expect(attempts(&retry).ending == .noAddressLeft)
    }

    @Test func `waits from the end of the last attempt`() {
        var retry = ConnectRetry(policy: policy, addressCount: 1)
        _ = retry.next(elapsed: .zero, random: 0)
        retry.ended(address: 0, .passing, elapsed: .seconds(3))
        #expect(retry.next(elapsed: .seconds(3), random: 0) == .wait(until: .seconds(4)))
        #expect(retry.next(elapsed: .seconds(4), random: 0) == .connect(address: 0))
        #expect(retry.attempt == 2)
    }

    @Test func `goes on where it was after it was cancelled`() {
        var retry = ConnectRetry(policy: policy, addressCount: 2)
        _ = retry.next(elapsed: .zero, random: 0)
        retry.cancelled(elapsed: .seconds(1))
        #expect(retry.next(elapsed: .seconds(1), random: 0) == .connect(address: 1))
    }

    @Test func `in a race tries the next address beside the slow one, or at once after a refusal`() {
        var policy = policy
        policy.raceOffset = .milliseconds(200)
        var retry = ConnectRetry(policy: policy, addressCount: 3)
        #expect(retry.next(elapsed: .zero, random: 0) == .connect(address: 0))
        #expect(retry.next(elapsed: .zero, random: 0) == .wait(until: .milliseconds(200)))
        #expect(retry.next(elapsed: .milliseconds(200), random: 0) == .connect(address: 1))
        retry.ended(address: 0, .passing, elapsed: .milliseconds(250))
        retry.ended(address: 1, .passing, elapsed: .milliseconds(250))
        #expect(retry.next(elapsed: .milliseconds(250), random: 0) == .connect(address: 2))
        #expect(retry.next(elapsed: .milliseconds(250), random: 0) == .wait(until: .seconds(100)))
    }

    @Test(arguments: [UInt64(1), 0x5eed])
    func `keeps its limits whatever happens`(seed: UInt64) {
        var random = SplitMix64(state: seed)
        for round in 0..<500 {
            guard holds(&random) else {
                Issue.record("seed \(seed), round \(round)")
                return
            }
        }
    }

    /// One connect with chance for a network.
    private func holds(_ random: inout SplitMix64) -> Bool {
        let policy = RetryPolicy(
            attempts: .random(in: 1...5, using: &random),
            interval: .milliseconds(Int.random(in: 0...300, using: &random)),
            growth: .random(in: 1...3, using: &random), maximumInterval: .seconds(1),
            jitter: .random(in: 0...1, using: &random),
            deadline: .milliseconds(Int.random(in: 0...5000, using: &random)),
            raceOffset: Bool.random(using: &random) ? .milliseconds(Int.random(in: 0...100, using: &random)) : nil)
        let count = Int.random(in: 1...4, using: &random)
        var retry = ConnectRetry(
            policy: policy, addressCount: count, startingAt: .random(in: 0..<count, using: &random))
        var tries = [Int](repeating: 0, count: count)
        var underWay: [(address: Int, end: Duration)] = []
        var elapsed = Duration.zero
        for _ in 0..<1000 {
            switch retry.next(elapsed: elapsed, random: random.next()) {
            case .connect(let address):
                guard elapsed < policy.deadline, !underWay.contains(where: { $0.address == address }) else {
                    return false
                }
                tries[address] += 1
                underWay.append((address, elapsed + .milliseconds(Int.random(in: 0...400, using: &random))))
                // No address is tried twice before every other has been tried as often.
                guard tries.max()! - tries.min()! <= 1 else { return false }
                guard underWay.count == 1 || policy.raceOffset != nil else { return false }
            case .wait(let until):
                guard until > elapsed, until <= policy.deadline else { return false }
                let first = underWay.min { $0.end < $1.end }
                guard let first, first.end <= until else {
                    elapsed = until
                    continue
                }
                elapsed = max(elapsed, first.end)
                underWay.removeAll { $0.address == first.address }
                retry.ended(address: first.address, .passing, elapsed: elapsed)
            case .giveUp(.attemptsUsed):
                return tries.allSatisfy { $0 == policy.attempts } && underWay.isEmpty
            case .giveUp(.deadlinePassed): return elapsed >= policy.deadline
            case .giveUp(.refusedForGood), .giveUp(.noAddressLeft): return false
            }
        }
        return false
    }
}
