import Handfast

/// Measures connections, one after the other, and tells what came of it.
struct Runner: ~Copyable {
    private let plan: Plan
    private let clock = TickClock()
    private let progress = ProgressLine()
    private(set) var report: Report

    init(_ plan: Plan) {
        self.plan = plan
        report = Report(plan.format, plan.tests, progress)
    }

    /// Runs all tests of all sizes over a connection, and closes it.
    /// - Parameter peer: at the other end; it may be killed while this runs.
    mutating func measure(_ link: consuming Link, companion: Int32?) throws {
        let transport = link.connection.transport ?? ""
        let decisions = link.connection.decisions
        report.note("\n\(transport): \(Self.reasons(decisions))")
        let buffers = try Buffers(
            sizes: plan.sizes, verifies: plan.verifies, owner: plan.allocates ? link.endpoint : nil)
        if plan.allocates, buffers.isOrdinary {
            report.note("--allocate has no effect: there is no such memory, or too little (HANDFAST_SHM_HEAP_BYTES)")
        }
        var bench = try Bench(
            transport: transport, link: link, buffers: buffers, clock: clock, iterations: plan.iterations,
            verifies: plan.verifies, companion: companion, progress: progress)
        for (index, size) in plan.sizes.enumerated() {
            let measurements = try plan.tests.map { try bench.run($0, size) }
            if index == 0 {
                if bench.isEchoed, plan.tests.contains(.bandwidth) {
                    report.note("the peer echoes each message of the bandwidth test")
                }
                report.begin()
            }
            report.add(measurements)
        }
        bench.link.close()
    }

    /// Why this one carries the connection.
    private static func reasons(_ decisions: [ConnectionDecision]) -> String {
        let others = decisions.filter { $0.outcome != .chosen && $0.outcome != .excluded }.map(\.description)
        // Those that settings or arguments left out are told once, by who read them.
        let isAlone = decisions.contains { $0.outcome == .excluded } && others.isEmpty
        return (["chosen"] + (isAlone ? ["no other was asked for"] : others)).joined(separator: "; ")
    }
}
