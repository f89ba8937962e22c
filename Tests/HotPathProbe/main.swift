// Counts what a message costs in calls that the hot path must not make, and prints a line for each count; the tests
// start it. Arguments: a transport, and after it
//   (nothing)       counts in rounds of a ping-pong, also with completion queues and with messages that are there
//                   before their receive, and in polls that find nothing
//   --trace N       as well, and tells where the first N calls came from
//   --messages N    sends N rounds there and back in call_counters_region, for a profiler
//   --step STEP N   the same for one step of N messages: post, send, deliver, result or poll
//   --idle C N      makes C idle connections and polls N times in call_counters_region, for a profiler
import CallCounters
import Glibc
import Handfast

#if DEBUG
    let build = "debug"
#else
    let build = "optimised"
#endif

func report(_ what: String, _ count: Int, _ counts: call_counts) {
    print(
        "\(what) count=\(count) allocations=\(counts.allocations) frees=\(counts.frees) retains=\(counts.retains)",
        "releases=\(counts.releases) accesses=\(counts.accesses)")
}

/// What must be counted, so that a zero elsewhere means something.
final class Control {
    var number = 0

    @inline(never) static func make(_ number: Int) -> Control {
        let control = Control()
        control.number += number
        return control
    }

    @inline(never) static func share(_ control: Control) -> [Control] { [control, control] }

    // The probe has one thread.
    static nonisolated(unsafe) var shared = Control()
}

func countControl() {
    call_counters_start()
    for number in 0..<10 {
        let controls = Control.share(Control.make(number))
        Control.shared = controls[0]
        Control.shared.number += 1
    }
    report("control", 10, call_counters_stop())
}

func countPingPong(_ transport: String) throws {
    let stage = try Stage(transport, connectionCount: 1)
    let pingPong = PingPong(stage)
    try pingPong.run(rounds: 5_000)
    call_counters_start()
    try pingPong.run(rounds: 10_000)
    report("messages", 20_000, call_counters_stop())

    let tagPingPong = try TagPingPong(stage)
    try tagPingPong.run(rounds: 5_000)
    call_counters_start()
    try tagPingPong.run(rounds: 10_000)
    report("tags", 20_000, call_counters_stop())

    for (isTaken, what) in [(false, "unexpected"), (true, "taken")] {
        let unexpectedLoop = UnexpectedLoop(stage, isTaken: isTaken)
        try unexpectedLoop.run(rounds: 5_000)
        call_counters_start()
        try unexpectedLoop.run(rounds: 10_000)
        report(what, 20_000, call_counters_stop())
    }

    let queueLoop = try QueueLoop(stage)
    try queueLoop.run(rounds: 5_000)
    call_counters_start()
    try queueLoop.run(rounds: 10_000)
    report("queued", 20_000, call_counters_stop())

    call_counters_start()
    for _ in 0..<100_000 { stage.near.progress() }
    report("polls", 100_000, call_counters_stop())
}

/// What a profiler looks at alone.
final class Work {
    private let body: () -> Void

    init(_ body: @escaping () -> Void) { self.body = body }

    func run() {
        call_counters_region(
            { Unmanaged<Work>.fromOpaque($0!).takeUnretainedValue().body() }, Unmanaged.passUnretained(self).toOpaque())
    }
}

func sendMessages(_ transport: String, rounds: Int) throws {
    let pingPong = PingPong(try Stage(transport, connectionCount: 1))
    try pingPong.run(rounds: 5_000)
    Work { try? pingPong.run(rounds: rounds) }.run()
    print("messages count=\(2 * rounds)")
}

func countStep(_ transport: String, _ step: StepLoop.Step, rounds: Int) throws {
    let loop = try StepLoop(try Stage(transport, connectionCount: 1))
    // What is rare and not of a message, such as a visit to the slow part, is the same in every run.
    try loop.run(rounds: 5_000, counting: nil)
    try loop.run(rounds: rounds, counting: step)
    print("step count=\(rounds)")
}

func pollIdle(_ transport: String, connectionCount: Int, pollCount: Int) throws {
    // Both ends are here.
    var limit = rlimit()
    getrlimit(__rlimit_resource_t(7), &limit)
    limit.rlim_cur = limit.rlim_max
    setrlimit(__rlimit_resource_t(7), &limit)

    let stage = try Stage(transport, connectionCount: connectionCount)
    try PingPong(stage).run(rounds: 100)
    for _ in 0..<10_000 { stage.drive() }
    Work { for _ in 0..<pollCount { stage.near.progress() } }.run()
    print("idle connections=\(connectionCount) polls=\(pollCount)")
}

do {
    let words = CommandLine.arguments
    let transport = words.count > 1 ? words[1] : "shm"
    if words.count == 5, words[2] == "--idle", let connections = Int(words[3]), let polls = Int(words[4]) {
        try pollIdle(transport, connectionCount: connections, pollCount: polls)
    } else if words.count == 4, words[2] == "--messages", let rounds = Int(words[3]) {
        try sendMessages(transport, rounds: rounds)
    } else if words.count == 5, words[2] == "--step", let step = StepLoop.Step(rawValue: words[3]),
        let rounds = Int(words[4])
    {
        try countStep(transport, step, rounds: rounds)
    } else {
        print("build \(build)")
        print("counters \(call_counters_are_here() == 1 ? "here" : "absent")")
        countControl()
        if words.count == 4, words[2] == "--trace" { call_counters_trace(UInt64(words[3]) ?? 0) }
        try countPingPong(transport)
    }
} catch {
    print("error \(error)")
    exit(1)
}
