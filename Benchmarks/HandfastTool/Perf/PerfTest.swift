import ArgumentParser

/// What can be asked for by `--test`.
enum PerfTest: String, CaseIterable, ExpressibleByArgument {
    case latency
    case bandwidth
    case connect
    case memory
    case idle
    case crowd
    case sleep

    enum Family {
        /// Of one connection, for each size.
        case messages(TestKind)
        /// Of many connections.
        case scale(ScaleTest)
    }

    var family: Family {
        switch self {
        case .latency: .messages(.latency)
        case .bandwidth: .messages(.bandwidth)
        case .connect: .scale(.connect)
        case .memory: .scale(.memory)
        case .idle: .scale(.idle)
        case .crowd: .scale(.crowd)
        case .sleep: .scale(.sleep)
        }
    }
}
