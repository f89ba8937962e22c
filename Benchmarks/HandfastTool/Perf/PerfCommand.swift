import ArgumentParser
import DefaultTransports
import Handfast
import TransportAPI

struct PerfCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "perf", abstract: "Measures latency and bandwidth.",
        discussion: """
            Without --listen and --connect it starts a second process on this host and measures every transport that \
            works between the two. Latency is half a round trip of a ping-pong. Bandwidth is that of many messages in \
            flight, in MB/s of 10^6 bytes: a peer of ours acknowledges half a window at a time, any other peer, and \
            with --verify ours too, echoes each message.

            --listen echoes for peers on other hosts, for `pscom_pp -c` of pscom 6 too; --connect measures against \
            such a listener, or against a `pscom_pp` server.
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
    @Option(help: "One of the two tests; both by default, with --format pscom latency.")
    var test: TestKind?
    @Option(parsing: .unconditional, help: "Payload sizes, as in 8,1k,1m; with --listen, echo messages of up to the largest.")
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
    @Flag(help: "With --listen: end when the first client has gone.")
    var once = false
    @Option(help: "How the figures are written.")
    var format = ReportFormat.table
    /// For the second process, which this program starts itself.
    @Flag(help: .private)
    var companion = false

    func run() throws {
        guard listen == nil || connect == nil else {
            throw ToolError.usage("--listen and --connect exclude each other: one process echoes, another measures")
        }
        guard listen != nil || !once else { throw ToolError.usage("--once goes with --listen only") }
        let iterations = try self.iterations.map { try count($0) }
        let sizes = try self.sizes.map { try SizeList.parse($0) }
        let settings = try Settings(environment: Settings.processEnvironment(), transports: defaultTransports)
        let selection = try transport.map { text throws(ToolError) in try select(text, settings) }
        let pinning = try pin.map { try Pinning.parse($0, usable: Cores.usable()) }
        if let listen {
            return try EchoService(
                place: Place.listening(listen), selection: selection, sizes: sizes ?? [], endsAfterFirst: once,
                isCompanion: companion, pinning: pinning ?? .none
            ).run()
        }
        let tests: [TestKind] = test.map { [$0] } ?? (format == .pscom ? [.latency] : TestKind.allCases)
        let usualSizes = format == .pscom ? SizeList.powersOfRootTwo : SizeList.powersOfTwo
        let plan = Plan(
            tests: tests, sizes: sizes ?? usualSizes, iterations: iterations, verifies: verify, format: format,
            selection: selection ?? settings.selection, names: selection == nil ? nil : names(selection!),
            pinning: pinning)
        if let connect {
            try RemoteRun(plan, settings, peer: Place.peer(connect)).run()
        } else {
            try LocalRun(plan, settings).run()
        }
    }

    private func count(_ text: String) throws(ToolError) -> Int {
        guard let count = Int(text), (1...1_000_000_000).contains(count) else {
            throw .usage("--iterations \(text): allowed is a number from 1 to 1000000000")
        }
        return count
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
