import CSystem
import Glibc

extension Endpoint {
    // Hot path.
    /// Moves what there is to move, and returns at once. Its cost does not depend on how many connections are idle.
    /// - Returns: how many things were done; 0 when nothing was found: sockets that are silent are not looked at every time.
    @discardableResult
    public func progress() -> Int {
        var done = state.pointee.pollTransports()
        state.pointee.callsUntilSlowPart -= 1
        let isSlowPartDue = state.pointee.callsUntilSlowPart < 0
        if isSlowPartDue { done += engine.visit() }
        if !state.pointee.callbacks.isEmpty { done += state.callBack() }
        if state.pointee.isHandlerDue { done += engine.runDefaultHandler() }
        if state.pointee.hasConditions, done > 0 || isSlowPartDue { done += engine.checkConditions() }
        return done
    }

    // Hot path.
    /// Makes progress until the request is complete, and takes its result.
    /// - Parameter timeout: nil for no limit.
    /// - Throws: what `Request.result` throws, or `timeout`: then the request goes on and stays good; `invalidArgument`
    ///   for one of another endpoint, which would never be complete.
    public func wait(for request: Request, timeout: Duration? = nil) throws(HandfastError) -> Completion {
        if !request.isComplete {
            try checkOwner(of: request)
            let isDone = wait(timeout, measuring: false) { request.isComplete }
            guard isDone else { throw HandfastError(.timeout, "the request is not complete after \(timeout ?? .zero)") }
        }
        // Complete, so there is a result.
        return try request.result()!
    }

    /// Makes progress until the connection is up.
    /// - Throws: why it is not, or `timeout`.
    public func wait(for connection: Connection, timeout: Duration? = nil) throws(HandfastError) {
        try checkOwner(of: connection)
        guard wait(timeout: timeout, until: { connection.state != .connecting }) else {
            throw HandfastError(.timeout, "the connection is not up after \(timeout ?? .zero)")
        }
        if connection.isStale { throw .staleConnection }
        if connection.state == .closed, let error = connection.error { throw error }
    }

    // Hot path.
    /// Makes progress until a condition holds: at first spinning, then asleep between arrivals.
    /// - Returns: whether it held before the timeout.
    public func wait(timeout: Duration? = nil, until condition: () -> Bool) -> Bool {
        wait(timeout, measuring: true, until: condition)
    }

    // Hot path.
    /// - Parameter measuring: the condition is a program's, and one round may take longer than all should.
    @inline(__always)
    private func wait(_ timeout: Duration?, measuring: Bool, until condition: () -> Bool) -> Bool {
        // To look at a clock costs as much as a message: what comes soon is waited for without.
        for round in 0..<Self.roundsBeforeClock {
            if condition() { return true }
            guard measuring, round == Self.measuredRound else {
                if progress() == 0 { csystem_pause() }
                continue
            }
            let measured = measureRound(condition)
            if measured == .held { return true }
            if measured == .slow { break }
        }
        return waitByClock(timeout, until: condition)
    }

    private enum Round { case held, slow, quick }

    /// One round, before anything can have come, so that to measure it costs nothing. Not within `wait`, whose frame would have
    /// to have room for instants, whose size is not known to it.
    @inline(never)
    private func measureRound(_ condition: () -> Bool) -> Round {
        let start = ContinuousClock.now
        if progress() == 0 { csystem_pause() }
        if condition() { return .held }
        return start + Self.slowRound < .now ? .slow : .quick
    }

    private func waitByClock(_ timeout: Duration?, until condition: () -> Bool) -> Bool {
        var lookedAt = ContinuousClock.now
        let deadline = timeout.map { lookedAt + $0 }
        // The first round is measured.
        var isSlow = true
        // Since the last look at the clock, and without anything that came.
        var (rounds, spins) = (0, 0)
        // No optional instant: to set it costs calls into the runtime, with each message.
        var (isSpinning, spinEnd) = (false, lookedAt)
        while !condition() {
            let isBusy = progress() > 0
            rounds += 1
            if isBusy {
                (spins, isSpinning) = (0, false)
            } else {
                spins += 1
                csystem_pause()
            }
            guard isSlow || rounds >= Self.roundsPerClock || !isBusy && spins % Self.spinsPerClock == 0 else {
                continue
            }
            let now = ContinuousClock.now
            if let deadline, deadline <= now { return condition() }
            isSlow = lookedAt.duration(to: now) > Self.slowRound * rounds
            (lookedAt, rounds) = (now, 0)
            guard !isBusy else { continue }
            // Two processes on one core: the other must get its turn.
            if spins > Self.spinsBeforeYield { sched_yield() }
            if isSpinning {
                guard spinEnd <= now, !condition() else { continue }
                sleep(until: deadline)
                lookedAt = .now
            } else {
                isSpinning = true
                spinEnd =
                    now
                    + Self.spinDuration(
                        engine.settings.spinDuration, offeredByteCount: state.pointee.offeredByteCount)
            }
        }
        return true
    }

    /// A peer says nothing while it reads a payload, and is quicker than 4 GB/s. Who does not spin does not now either.
    static func spinDuration(_ usual: Duration, offeredByteCount: Int) -> Duration {
        usual > .zero ? usual + .nanoseconds(min(offeredByteCount, offeredByteLimit) / 4) : usual
    }

    /// Perhaps nobody has posted a receive for them yet.
    private static let offeredByteLimit = 4 << 20

    private static let roundsBeforeClock = 256
    private static let measuredRound = 1
    /// Longer than a round that brings a message; from then on each is measured.
    private static let slowRound = Duration.microseconds(10)
    private static let spinsPerClock = 64
    /// Messages that never stop must not hide that the time is over.
    private static let roundsPerClock = 1_024
    private static let spinsBeforeYield = 128

    /// Sleeps until something arrives or something is due.
    private func sleep(until deadline: ContinuousClock.Instant?) {
        guard state.pointee.callbacks.isEmpty || state.pointee.isCallingBack else { return }
        // The condition may have let a message in.
        if state.pointee.isHandlerDue, !state.pointee.isInHandler { return }
        if state.pointee.hasConditions, engine.checkConditions() > 0 { return }
        for index in 0..<state.pointee.polledCount {
            let polled = state.pointee.polled[index]
            guard polled.arm(polled.state) == 0 else { return }
        }
        let next = [deadline, engine.nextDeadline].compactMap(\.self).min()
        guard let next else {
            engine.visit(milliseconds: -1)
            return
        }
        let rest = ContinuousClock.now.duration(to: next) / .milliseconds(1)
        engine.visit(milliseconds: Int32(clamping: Int64(max(0, min(rest, 1e6).rounded(.up)))))
    }
}
