import Glibc
import Handfast
import Testing
import TransportTesting

/// Runs of a simulated network for a share of SIMULATION_SECONDS (default 4), from SIMULATION_SEED (default random).
enum Simulation {
    static let variables = Settings.processEnvironment()
    static let seed = variables["SIMULATION_SEED"].flatMap { UInt64($0) }
    static let seconds = variables["SIMULATION_SECONDS"].flatMap { Double($0) } ?? 4

    /// Of a slow machine, beyond its share, to play as many worlds as are wanted.
    private static let longest = Duration.seconds(30)

    /// Plays one world after the other, each with conditions made from its own seed; stops at a mistake.
    /// - Parameter least: so many worlds, also when their share of the time is over.
    static func run(_ what: String, share: Double, least: UInt64 = 1, _ conditions: (UInt64) -> NetworkConditions) {
        let first = seed ?? UInt64.random(in: 0...UInt64(UInt32.max))
        print("\(what): from SIMULATION_SEED=\(first)")
        fflush(nil)
        let start = ContinuousClock.now
        let time = Duration.seconds(seconds * share)
        var (count, connects, busy, messages): (UInt64, Int, Int, Int) = (0, 0, 0, 0)
        repeat {
            let network = SimulatedNetwork(conditions(first &+ count), seed: first &+ count)
            network.run()
            if let complaint = network.complaint {
                Issue.record("\(what), SIMULATION_SEED=\(first &+ count): \(complaint)")
                return
            }
            count += 1
            connects += network.connectCount
            busy += network.busyCount
            messages += network.messageCount
        } while start.duration(to: .now) < (count < least ? max(time, longest) : time)
        let elapsed = start.duration(to: .now) / .seconds(1)
        print(
            "\(what): \(count) seeds, \(Double(count) / elapsed) a second, \(connects) connections,",
            "\(Double(messages) / Double(max(1, connects))) messages per connection, \(busy) refused as busy")
    }
}
