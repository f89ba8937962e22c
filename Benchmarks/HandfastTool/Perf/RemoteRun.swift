import DefaultTransports
import Handfast

/// Measures against a listener that somebody else has started.
struct RemoteRun: ~Copyable {
    private let plan: Plan
    private let peer: String
    private let endpoint: Endpoint

    init(_ plan: Plan, _ settings: Settings, peer: String) throws {
        self.plan = plan
        self.peer = peer
        endpoint = try Endpoint(selection: plan.selection)
    }

    /// Over the transports that the user named, each on a connection of its own; else over what the two agree on.
    func run() throws {
        var runner = Runner(plan)
        if case .cores(let core, _) = plan.pinning {
            try Cores.pin(to: core)
            runner.report.note("this process is pinned to core \(core)")
        }
        for name in plan.names.map({ $0.map(Optional.some) }) ?? [nil] {
            let selection = try name.map { text throws(HandfastError) in try Plan.only(text) }
            let connection = try Place.connect(endpoint, to: peer, option: "--connect", selection: selection)
            try runner.measure(Link(endpoint, connection), companion: nil)
        }
    }
}
