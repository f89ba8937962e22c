import Precon
import Testing

@Suite struct `Two processes that connect on demand, in every order of events` {
    typealias World = OnDemandWorld

    struct Case: Sendable, CustomStringConvertible {
        let name: String
        var rules = World.Rules()
        var budget = World.Budget()
        var pscom: Int?
        var description: String { name }

        init(
            _ name: String, faults: Int = 0, restarts: Int = 0, claims: Int = 0, earlyTimers: Int = 0,
            withdrawals: Int = 0, demands: Int = 1, isTwoStep: Bool = false, blocked: Int? = nil,
            connectLimit: Int = 12, pscom: Int? = nil
        ) {
            self.name = name
            rules = World.Rules(isTwoStep: isTwoStep, blocked: blocked, connectLimit: connectLimit)
            budget = World.Budget(
                faults: faults, restarts: restarts, claims: claims, earlyTimers: earlyTimers,
                withdrawals: withdrawals, demands: demands)
            self.pscom = pscom
        }

        static let all = [
            Case("undisturbed", demands: 2),
            Case("undisturbed, two steps", demands: 2, isTwoStep: true),
            Case("two faults, demanded again", faults: 2, demands: 2),
            Case("two faults, demanded again, two steps", faults: 2, demands: 2, isTwoStep: true),
            Case("three faults, two steps", faults: 3, isTwoStep: true),
            Case("an early timer and a fault", faults: 1, earlyTimers: 1),
            Case("early timers and a fault, two steps", faults: 1, earlyTimers: 2, isTwoStep: true),
            Case("a restart, demanded again, two steps", restarts: 1, demands: 2, isTwoStep: true),
            Case("a restart and a fault", faults: 1, restarts: 1),
            Case("a restart and a fault, two steps", faults: 1, restarts: 1, isTwoStep: true),
            Case("two restarts, two steps", restarts: 2, isTwoStep: true),
            Case("an unfinished claim, demanded again", claims: 1, demands: 2),
            Case("two unfinished claims, two steps", claims: 2, isTwoStep: true),
            Case("an unfinished claim and a fault, two steps", faults: 1, claims: 1, isTwoStep: true),
            Case("an unfinished claim and a restart", restarts: 1, claims: 1),
            Case("an unfinished claim and a restart, two steps", restarts: 1, claims: 1, isTwoStep: true),
            Case("pscom is lower, an unfinished claim", claims: 1, pscom: 0),
            Case("pscom is higher, an unfinished claim", claims: 1, pscom: 1),
            Case("the higher one cannot reach the lower", faults: 1, earlyTimers: 1, blocked: 1),
            Case("the higher one cannot reach the lower, a restart", restarts: 1, blocked: 1),
            Case("the lower one cannot reach the higher", faults: 1, earlyTimers: 1, blocked: 0),
            Case("a fault, no longer wanted, two steps", faults: 1, withdrawals: 1, demands: 2, isTwoStep: true),
            Case("few connects", faults: 2, connectLimit: 2),
            Case("few connects, early timers", earlyTimers: 2, connectLimit: 1),
            Case("pscom is lower", demands: 2, pscom: 0),
            Case("pscom is higher", demands: 2, pscom: 1),
            Case("pscom is lower, two faults, an early timer", faults: 2, earlyTimers: 1, pscom: 0),
            Case("pscom is higher, two faults, an early timer", faults: 2, earlyTimers: 1, pscom: 1),
            Case("pscom is lower, two steps, a fault", faults: 1, earlyTimers: 1, isTwoStep: true, pscom: 0),
            Case("pscom is higher, two steps, a fault", faults: 1, earlyTimers: 1, isTwoStep: true, pscom: 1),
            Case("pscom is lower, a restart and a fault", faults: 1, restarts: 1, pscom: 0),
            Case("pscom is higher, a restart and a fault", faults: 1, restarts: 1, pscom: 1),
        ]
    }

    private struct Step {
        let world: World
        let index: Int
    }

    @Test(arguments: Case.all)
    func `end with one connection or none, free everything and keep nobody waiting`(_ setting: Case) {
        let start = World(rules: setting.rules, budget: setting.budget, pscom: setting.pscom)
        var seen: Set<World> = [start]
        var history: [(from: Int, move: World.Move?)] = [(0, nil)]
        var open = [Step(world: start, index: 0)]
        var (connected, ended) = (0, 0)
        var next = 0
        while next < open.count {
            let step = open[next]
            next += 1
            let own = step.world.ownMoves
            if let complaint = complaint(about: step.world, own, setting) {
                Issue.record("\(setting): \(complaint)\n\(story(to: step, history))")
                return
            }
            if own.isEmpty {
                ended += 1
                if step.world.sides[0].established != nil { connected += 1 }
            }
            for (move, world) in successors(of: step.world, own) where seen.insert(world).inserted {
                open.append(Step(world: world, index: history.count))
                history.append((step.index, move))
            }
        }
        print("searched \(setting): \(seen.count) states, \(ended) at rest, \(connected) connected")
        #expect(connected > 0)
    }

    private func successors(of world: World, _ own: [World.Move]) -> [(World.Move, World)] {
        own.map { ($0, world.after($0, isEarly: false, isAdverse: false)) }
            + world.earlyMoves(beside: own).map { ($0, world.after($0, isEarly: true, isAdverse: false)) }
            + world.adverseMoves.map { ($0, world.after($0, isEarly: false, isAdverse: true)) }
    }

    private func complaint(about world: World, _ own: [World.Move], _ setting: Case) -> String? {
        if let broken = world.broken { return broken }
        // Without faults to come, nobody may have to rely on the deadline for the whole.
        if !own.isEmpty, own == world.demandTimerMoves { return "only the deadline for the whole is left" }
        guard own.isEmpty else { return nil }
        let (first, second) = (world.sides[0], world.sides[1])
        let connection = first.established ?? second.established
        // Who has lost its peer with the peer's host learns it from the peer's next incarnation, or never.
        let isSilent = world.streams.contains { $0.id == connection && $0.isSilent }
        guard first.established == second.established || isSilent else { return "only one is connected" }
        if first.established == second.established, first.role == second.role, connection != nil {
            return "both have the same role"
        }
        for stream in world.streams where stream.id != connection { return "stream \(stream.id) is left open" }
        if !world.isDisturbed, let complaint = complaint(aboutUndisturbed: world) { return complaint }
        for (index, side) in world.sides.enumerated() {
            if let complaint = complaint(about: side, index, world, setting) { return complaint }
        }
        return nil
    }

    /// What is wrong where nothing went wrong: the lower one's stream prevails, and nobody connects twice.
    private func complaint(aboutUndisturbed world: World) -> String? {
        let (lower, higher) = (world.sides[0], world.sides[1])
        if lower.undisturbedCount > 1 || higher.undisturbedCount > 1 { return "somebody connected twice" }
        guard lower.undisturbedCount == 1, lower.role != .starter else { return nil }
        return "the lower one's stream was given up"
    }

    /// What is wrong with one side of a world at rest.
    private func complaint(about side: World.Side, _ index: Int, _ world: World, _ setting: Case) -> String? {
        if !side.armed.isEmpty || side.dial != nil { return "side \(index) still waits" }
        switch side.mind {
        case .handfast(let arbiter):
            if side.isOwed { return "side \(index) waits for ever" }
            if arbiter.establishedStream?.rawValue != side.established { return "side \(index) is in error" }
            if arbiter.establishedStream == nil, !arbiter.isIdle { return "side \(index) is not idle" }
            // A pscom process that has lost its connection does not come back.
            let isFair =
                !world.hasGivenUpEarly && setting.rules.connectLimit > 2 && (setting.pscom == nil || !world.isDisturbed)
            // Only the higher one has another way than to connect.
            let isCutOff = setting.rules.blocked == index && index == 0
            if isFair, !isCutOff, side.hasFailed { return "side \(index) failed on a network that became fair" }
        case .pscom:
            if !world.isDisturbed, side.isOwed || side.hasFailed { return "the pscom process is not served" }
        }
        return nil
    }

    private func story(to step: Step, _ history: [(from: Int, move: World.Move?)]) -> String {
        var moves: [String] = []
        var index = step.index
        while let move = history[index].move {
            moves.append("\(move)")
            index = history[index].from
        }
        let sides = step.world.sides.map { "\($0)" }
        let lines = moves.reversed() + sides + ["\(step.world.streams)"]
        return lines.joined(separator: "\n")
    }
}
