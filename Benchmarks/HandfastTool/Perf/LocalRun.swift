import DefaultTransports
import Glibc
import Handfast
import TransportAPI

/// Measures between two processes of this host, of which this is one, and from this process to itself.
struct LocalRun: ~Copyable {
    private let plan: Plan
    private let endpoint: Endpoint
    private let pinning: Pinning

    init(_ plan: Plan, _ settings: Settings) throws {
        self.plan = plan
        let pair = Cores.pair().map { Pinning.cores(measuring: $0.0, echoing: $0.1) }
        pinning = plan.pinning ?? pair ?? .none
        endpoint = try Endpoint(name: "perf")
    }

    func run() throws {
        var runner = Runner(plan)
        let companion = try Companion(arguments: companionArguments)
        do {
            try measure(&runner, companion)
        } catch {
            guard let fate = companion.fateSoon() else { throw error }
            throw ToolError.failure("the second process is gone: \(fate)")
        }
    }

    private var companionArguments: [String] {
        let largest = max(plan.sizes.max() ?? 0, 1)
        return [
            "perf", "--listen", "\(LocalHost.address):0@perf-echo", "--companion", "--pin", pinning.echoingText,
            "--sizes",
            "\(largest)",
        ] + (plan.allocates ? ["--allocate"] : [])
    }

    private func measure(_ runner: inout Runner, _ companion: borrowing Companion) throws {
        switch pinning {
        case .none:
            runner.report.note("Process \(getpid()) measures, process \(companion.process) echoes; neither is pinned.")
        case .cores(let own, let other):
            try Cores.pin(to: own)
            runner.report.note(
                "Process \(getpid()) on core \(own) measures, process \(companion.process) on core \(other) echoes.")
        }
        if plan.tests.contains(.latency) { runner.report.note("us: half a round trip.") }
        if plan.tests.contains(.bandwidth) { runner.report.note("MB/s: 10^6 bytes a second, many messages in flight.") }
        try endpoint.listen(on: LocalHost.address)
        let peer = PeerDescription(name: "perf-echo", address: LocalHost.address.bytes, isLocal: true)
        let choice = plan.selection.choose(for: peer)
        for excluded in choice.excluded { runner.report.note("\(excluded.name): left out, \(excluded.reason)") }
        try tellChoice(runner, companion)
        var works = false
        for name in choice.names {
            switch try connect(name, to: companion.address) {
            case .toCompanion(let connection):
                try runner.measure(Link(endpoint, connection), companion: companion.process)
            case .toSelf(let connection):
                runner.report.note("\nThe next is from this process to itself.")
                try runner.measure(
                    Link(endpoint, connection, server: EchoServer(endpoint, allocates: plan.allocates)), companion: nil)
            case .refused(let reason):
                runner.report.note("\n\(name): does not work here: \(reason)")
                continue
            }
            works = true
        }
        guard works else { throw ToolError.failure("no transport works here") }
    }

    /// What the two processes agree on when nobody names a transport.
    private func tellChoice(_ runner: borrowing Runner, _ companion: borrowing Companion) throws(HandfastError) {
        do throws(HandfastError) {
            let connection = try endpoint.connect(to: companion.address, selection: plan.selection)
            defer { connection.close() }
            try endpoint.wait(for: connection)
            let decisions = connection.decisions.filter { $0.outcome != .excluded }.map(\.description)
            runner.report.note("Left to themselves: \(decisions.joined(separator: "; ")).")
        } catch {
            // Nothing works with the other process; what follows says so of each.
            guard error.code == .noTransport else { throw error }
        }
    }

    private enum Attempt {
        case toCompanion(Connection)
        case toSelf(Connection)
        case refused(String)
    }

    /// A transport that refuses any other process from the start may still join this one to itself.
    private func connect(_ name: String, to companion: EndpointAddress) throws(HandfastError) -> Attempt {
        let selection = try Plan.only(name)
        var reason = ""
        for address in [companion, endpoint.address!] {
            do throws(HandfastError) {
                let connection = try endpoint.connect(to: address, selection: selection)
                do throws(HandfastError) { try endpoint.wait(for: connection) } catch {
                    defer { connection.close() }
                    guard error.code == .noTransport else { throw error }
                    let decision = connection.decisions.first { $0.transport == name }
                    return .refused(decision?.description ?? error.message)
                }
                return address == companion ? .toCompanion(connection) : .toSelf(connection)
            } catch {
                guard error.code == .noTransport else { throw error }
                if reason.isEmpty { reason = error.message }
            }
        }
        return .refused(reason)
    }
}
