import Glibc
import Handfast

/// Measures what many connections cost, between two processes of this host.
struct ScaleRun {
    let plan: ScalePlan
    var report: ScaleReport
    let clock = TickClock()
    private let limit = DescriptorLimit.raised()

    init(_ plan: ScalePlan) throws {
        self.plan = plan
        report = try ScaleReport(plan.format)
    }

    mutating func run() throws {
        switch plan.pinning {
        case .none: report.note("Process \(getpid()) measures; it and the second process are not pinned.")
        case .cores(let own, let other):
            try Cores.pin(to: own)
            report.note("Process \(getpid()) on core \(own) measures, a second process on core \(other) answers.")
        }
        report.note("At most \(limit.count) descriptors a process.")
        var works = false
        for kind in plan.kinds {
            do throws(HandfastError) { try probe(kind) } catch {
                guard error.code == .noTransport else { throw error }
                report.note("\(kind.name): does not work here: \(error.message)")
                continue
            }
            works = true
            do { try measure(kind) } catch let error as HandfastError where error.code == .timeout {
                let hint = "the second process may be stopped, as by SIGSTOP or a debugger"
                throw ToolError.failure("\(kind.name), \(plan.test.rawValue): \(error.message); \(hint)")
            }
        }
        guard works else { throw ToolError.failure("no transport works here") }
    }

    private mutating func measure(_ kind: ConnectionKind) throws {
        switch plan.test {
        case .connect: for count in counts(for: kind) { try connect(kind, count) }
        case .memory: for count in counts(for: kind) { try memory(kind, count) }
        case .idle: try idle(kind)
        case .crowd, .sleep: for count in counts(for: kind) { try message(kind, count) }
        }
    }

    /// Whether a connection of this kind comes about at all.
    private func probe(_ kind: ConnectionKind) throws(HandfastError) {
        guard kind != .onDemand else { return }
        do { try Crowd(plan.pinning, clock, capacity: 3).grow(kind, to: 1) } catch let error as HandfastError {
            throw error
        } catch let error as ToolError {
            throw HandfastError(.system, error.message)
        } catch { throw HandfastError(.system, "\(error)") }
    }

    /// As asked for, or as many as there may be.
    private func counts(for kind: ConnectionKind) -> [Int] {
        (plan.counts ?? plan.test.usualCounts).map { count in
            let most = kind == .onDemand ? Int.max : limit.connectionCount
            if count > most {
                report.note(
                    "\(kind.name): \(most) connections instead of \(count): the limit of descriptors is \(limit.count)")
            }
            return min(count, most)
        }
    }

    private mutating func connect(_ kind: ConnectionKind, _ count: Int) throws {
        let crowd = try Crowd(plan.pinning, clock, capacity: count)
        var times: [UInt64] = []
        times.reserveCapacity(count)
        let start = clock.now
        try crowd.grow(kind, to: count) { times.append($0) }
        let seconds = clock.nanoseconds(clock.now - start) / 1e9
        times.sort()
        tellObstacle(kind, crowd)
        report.add(
            ScaleRow(
                kind, .connect, connections: crowd.connections.count,
                [
                    ("connects_per_s", Double(crowd.connections.count) / seconds, 1),
                    ("p50_us", microseconds(times, 50), 2),
                    ("p99_us", microseconds(times, 99), 2),
                ]))
        guard crowd.close() else {
            throw ToolError.failure("\(kind.name): not all of \(crowd.connections.count) connections closed in order")
        }
    }

    func tellObstacle(_ kind: ConnectionKind, _ crowd: Crowd) {
        guard let obstacle = crowd.obstacle else { return }
        report.note("\(kind.name): no more than \(crowd.connections.count) connections: \(obstacle)")
    }

    private func microseconds(_ sorted: [UInt64], _ percent: Int) -> Double {
        let index = min(sorted.count - 1, sorted.count * percent / 100)
        return index < 0 ? 0 : clock.nanoseconds(sorted[index]) / 1_000
    }

    private mutating func memory(_ kind: ConnectionKind, _ count: Int) throws {
        let crowd = try Crowd(plan.pinning, clock, capacity: count)
        // What is made once, with the first, is not what a connection costs.
        try crowd.grow(kind, to: 1)
        let (peerBefore, before) = (try crowd.companionMemory(), MemoryReading.now())
        try crowd.grow(kind, to: count + 1)
        let (peerAfter, after) = (try crowd.companionMemory(), MemoryReading.now())
        tellObstacle(kind, crowd)
        let grown = max(crowd.connections.count - 1, 1)
        func each(_ bytes: Int) -> Double { Double(bytes) / Double(grown) }
        report.add(
            ScaleRow(
                kind, .memory, connections: grown,
                [
                    ("bytes_per_connection", each(after.heapByteCount - before.heapByteCount), 1),
                    ("peer_bytes_per_connection", each(peerAfter.heapByteCount - peerBefore.heapByteCount), 1),
                    ("shared_bytes_per_connection", each(after.sharedByteCount - before.sharedByteCount), 1),
                    ("pinned_bytes_per_connection", each(after.pinnedByteCount - before.pinnedByteCount), 1),
                ]))
    }

    private mutating func idle(_ kind: ConnectionKind) throws {
        let counts = counts(for: kind)
        let crowd = try Crowd(plan.pinning, clock, capacity: (counts.max() ?? 0) + 3)
        for count in counts.sorted() where crowd.obstacle == nil {
            try crowd.grow(kind, to: count)
            tellObstacle(kind, crowd)
            report.add(
                ScaleRow(
                    kind, .idle, connections: crowd.connections.count,
                    [("ns_per_progress", nanosecondsPerProgress(crowd.endpoint), 1)]))
        }
    }

    /// The median of many short runs, so that one that was interrupted does not count.
    private func nanosecondsPerProgress(_ endpoint: Endpoint) -> Double {
        let (runCount, callCount) = (401, 2_048)
        // What the last set-up left to be done comes first.
        _ = endpoint.wait(timeout: .milliseconds(200)) { false }
        var runs = (0..<runCount).map { _ in
            let start = clock.now
            for _ in 0..<callCount { endpoint.progress() }
            return clock.nanoseconds(clock.now - start) / Double(callCount)
        }
        runs.sort()
        return runs[runCount / 2]
    }
}
