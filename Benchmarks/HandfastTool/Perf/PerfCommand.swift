import ArgumentParser
import DefaultTransports
import Handfast
import TransportAPI

struct PerfCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "perf", abstract: "Measures latency, bandwidth, and what connections cost.",
        discussion: """
            Without --listen and --connect it starts a second process on this host and measures every transport that \
            works between the two. Latency is half a round trip of a ping-pong. Bandwidth is that of many messages in \
            flight, in MB/s of 10^6 bytes: a peer of ours acknowledges half a window at a time, any other peer, and \
            with --verify ours too, echoes each message.

            --listen echoes for peers on other hosts, for `pscom_pp -c` of pscom 6 too; --connect measures against \
            such a listener, or against a `pscom_pp` server.

            --test connect sets connections up one after the other and keeps them all; memory tells what one costs \
            that is not used, as the growth of the heap, and idle what a call of progress costs beside them. crowd \
            is the latency of 8 bytes to one of so many peers, sleep the round trip of the first message after 20 ms \
            of silence, when the other process is asleep.
            """)

    @Option(
        defaultAsFlag: "", parsing: .next,
        help: ArgumentHelp(
            "Echo for others, at ADDRESS:PORT@NAME, of which each part may be missing; prints the address.",
            valueName: "address"))
    var listen: String?
    @Option(help: ArgumentHelp("Measure against a listener: host:port@name.", valueName: "address"))
    var connect: String?
    @Option(help: ArgumentHelp("Use these, as in shm,tcp, or all but these, as in ^tcp.", valueName: "names"))
    var transport: String?
    @Option(help: "One of the tests; latency and bandwidth by default, with --format pscom latency.")
    var test: PerfTest?
    @Option(help: "How many, as in 500,5000, of the tests connect, memory, idle, crowd and sleep.")
    var connections: String?
    @Option(
        parsing: .unconditional,
        help: "Payload sizes, as in 8,1k,1m; with --listen, echo messages of up to the largest.")
    var sizes: String?
    @Option(parsing: .unconditional, help: "Round trips, or messages; by default as many as fit into 80 ms.")
    var iterations: String?
    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            "Cores of the measuring and the echoing process, as in 0,1; none leaves it to the system.",
            valueName: "cores"))
    var pin: String?
    @Flag(help: "Check the content of each message; figures are lower then.")
    var verify = false
    @Flag(help: "Send from memory of the endpoint, which a peer on this host may read directly; also with --listen.")
    var allocate = false
    @Flag(help: "With --listen: end when the first client that sent something has gone.")
    var once = false
    @Option(help: "How the figures are written.")
    var format = ReportFormat.table
    /// For the second process, which this program starts itself.
    @Flag(help: .private)
    var companion = false
    /// With it: for a test of many connections.
    @Flag(help: .private)
    var hold = false

    func run() throws {
        guard listen == nil || connect == nil else {
            throw ToolError.usage("--listen and --connect exclude each other: one process echoes, another measures")
        }
        guard listen != nil || !once else { throw ToolError.usage("--once goes with --listen only") }
        try refuseWhatHasNoEffect()
        let iterations = try self.iterations.map { try count($0) }
        let sizes = try self.sizes.map { try SizeList.parse($0) }
        let environment = Settings.processEnvironment()
        let settings = try Settings(environment: environment, transports: availableTransports(in: environment))
        let selection = try transport.map { text throws(ToolError) in try select(text, settings) }
        // The second process inherits the one core that the first has pinned itself to, and knows of no other.
        let pinning = try pin.map { try Pinning.parse($0, usable: companion ? Cores.all : Cores.usable()) }
        if let listen, hold {
            return try HoldService(place: Place.listening(listen), pinning: pinning ?? .none).run()
        }
        if let listen {
            return try EchoService(
                place: Place.listening(listen), selection: selection, sizes: sizes ?? [], endsAfterFirst: once,
                isCompanion: companion, allocates: allocate, pinning: pinning ?? .none
            ).run()
        }
        let tests: [TestKind]
        switch test?.family {
        case .messages(let kind): tests = [kind]
        case nil: tests = format == .pscom ? [.latency] : TestKind.allCases
        case .scale(let scale):
            return try runScale(scale, pinning, names: selection.map { names($0) })
        }
        guard connections == nil else {
            throw ToolError.usage("--connections goes with --test connect, memory, idle, crowd or sleep")
        }
        let usualSizes = format == .pscom ? SizeList.powersOfRootTwo : SizeList.powersOfTwo
        let plan = Plan(
            tests: tests, sizes: sizes ?? usualSizes, iterations: iterations, verifies: verify, allocates: allocate,
            format: format,
            selection: selection ?? settings.selection, names: selection == nil ? nil : names(selection!),
            pinning: pinning)
        if let connect {
            try RemoteRun(plan, settings, peer: connect).run()
        } else {
            try LocalRun(plan, settings).run()
        }
    }

    /// Who measures with an option wants it to count.
    private func refuseWhatHasNoEffect() throws(ToolError) {
        let ofMessages = [("--iterations", iterations != nil), ("--verify", verify)]
        if listen != nil {
            let given = ofMessages + [("--test", test != nil), ("--connections", connections != nil)]
            if let (option, _) = given.first(where: \.1) {
                throw .usage("\(option) has no effect with --listen: it goes with the process that measures")
            }
        } else if case .scale(let scale) = test?.family {
            let given = [("--sizes", sizes != nil)] + ofMessages + [("--allocate", allocate)]
            if let (option, _) = given.first(where: \.1) {
                throw .usage(
                    "\(option) has no effect with --test \(scale.rawValue): it goes with --test latency and bandwidth")
            }
        }
    }

    private func count(_ text: String) throws(ToolError) -> Int {
        guard let count = Int(text), (1...1_000_000_000).contains(count) else {
            throw .usage("--iterations \(text): allowed is a number from 1 to 1000000000")
        }
        return count
    }

    private func runScale(_ test: ScaleTest, _ pinning: Pinning?, names: [String]?) throws {
        guard connect == nil else {
            throw ToolError.usage("--test \(test.rawValue) starts the other process itself, so --connect cannot be")
        }
        let counts = try connections.map { try CountList.parse($0) }
        let pair = Cores.pair().map { Pinning.cores(measuring: $0.0, echoing: $0.1) }
        let plan = ScalePlan(
            test: test, counts: counts, format: format, names: names, pinning: pinning ?? pair ?? .none)
        var run = try ScaleRun(plan)
        try run.run()
    }

    private func select(_ text: String, _ settings: Settings) throws(ToolError) -> TransportSelection {
        do throws(HandfastError) { return try settings.selection(transports: text, select: "") } catch {
            throw .usage("--transport: \(error.message)")
        }
    }

    private func names(_ selection: TransportSelection) -> [String] {
        selection.choose(for: PeerDescription(name: "", address: [], isLocal: true)).names
    }
}
