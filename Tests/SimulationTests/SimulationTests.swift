import Testing
import TransportTesting

@Suite(.serialized) struct `Endpoints on a simulated network` {
    /// Many worlds in little time: where something goes wrong between two, it does so in the smallest.
    @Test func `connect in spite of every fault when they are two or three`() {
        Simulation.run("two or three endpoints", share: 0.65, least: 2_000) { seed in
            Self.faulty(seed, endpointCount: 2 + Int(seed / 7 % 2), wishCount: 1)
        }
    }

    @Test func `connect in spite of every fault when they are few`() {
        Simulation.run("two to ten endpoints", share: 0.25) { seed in
            Self.faulty(seed, endpointCount: 2 + Int(seed % 9), wishCount: 1 + Int(seed / 9 % 4))
        }
    }

    private static func faulty(_ seed: UInt64, endpointCount: Int, wishCount: Int) -> NetworkConditions {
        var conditions = NetworkConditions()
        conditions.endpointCount = endpointCount
        conditions.wishCount = wishCount
        conditions.faultsEnd = .seconds(2)
        conditions.wishSpread = .seconds(seed % 2 == 0 ? 0 : 1)
        conditions.breakShare = 0.3
        conditions.refusalShare = 0.2
        conditions.lossShare = 0.1
        conditions.transportRefusalShare = 0.1
        conditions.wrongAddressShare = seed / 2 % 2 == 0 ? 0 : 0.3
        conditions.crashCount = Int(seed / 36 % 4)
        conditions.pendingHandshakeLimit = 1 + Int(seed / 144 % 4)
        conditions.earlierDialectShare = seed / 5 % 3 == 0 ? 0.3 : 0
        return conditions
    }

    @Test func `connect when all begin at one instant and nothing goes wrong`() {
        Simulation.run("undisturbed", share: 0.1) { seed in
            var conditions = NetworkConditions()
            conditions.endpointCount = 2 + Int(seed % 9)
            conditions.wishCount = 4
            conditions.wishSpread = .milliseconds(5)
            return conditions
        }
    }

    @Test func `connect when they are a thousand with twenty peers each`() {
        Simulation.run("1,000 endpoints", share: 0.1) { _ in
            var conditions = NetworkConditions()
            conditions.endpointCount = 1000
            conditions.wishCount = 20
            conditions.faultsEnd = .seconds(2)
            conditions.breakShare = 0.02
            conditions.refusalShare = 0.02
            conditions.lossShare = 0.01
            conditions.transportRefusalShare = 0.02
            conditions.crashCount = 10
            conditions.pendingHandshakeLimit = 16
            return conditions
        }
    }

    private static let isLarge = Simulation.variables["SIMULATION_LARGE"] != nil

    @Test(.enabled(if: isLarge, "SIMULATION_LARGE is not set"))
    func `connect when they are twenty thousand with twenty peers each`() {
        var conditions = NetworkConditions()
        conditions.endpointCount = 20_000
        conditions.wishCount = 20
        let network = SimulatedNetwork(conditions, seed: Simulation.seed ?? 1)
        network.run()
        #expect(network.complaint == nil)
        print(
            "20,000 endpoints: \(network.connectCount) connections after \(network.lastConnected) of virtual time,",
            "\(Double(network.messageCount) / Double(network.connectCount)) messages per connection,",
            "\(network.mostPending) unfinished handshakes at most")
    }
}
