/// When a test of one size ends: after so many rounds, or after so long.
struct Limit {
    private static let usualDuration = Duration.milliseconds(80)
    private static let fewest = 4

    let count: Int
    private let ticks: UInt64

    /// - Parameter iterations: nil for as many as fit into the usual time.
    init(iterations: Int?, _ clock: TickClock) {
        count = iterations ?? .max
        ticks = iterations == nil ? clock.ticks(Self.usualDuration) : .max
    }

    private init(count: Int, ticks: UInt64) {
        self.count = count
        self.ticks = ticks
    }

    /// A tenth, not measured: caches, pages and windows of the network get warm.
    var warmUp: Limit {
        Limit(count: count == .max ? .max : min(count / 10 + 1, 1_000), ticks: ticks == .max ? .max : ticks / 10)
    }

    // Hot path.
    func allows(done: Int, ticks: UInt64) -> Bool { done < count && (ticks < self.ticks || done < Self.fewest) }
}
