/// What a test of many connections is about.
enum ScaleTest: String {
    /// Set-up, one after the other.
    case connect
    /// What a connection costs that is not used.
    case memory
    /// What a call of `progress` costs beside them.
    case idle
    /// The time of a message to one peer while all others are silent.
    case crowd
    /// The time of the first message after a silence.
    case sleep

    /// How many connections, if the user does not say.
    var usualCounts: [Int] {
        switch self {
        case .connect: [500, 5_000, 14_000]
        case .memory: [10_000]
        case .idle: [1, 100, 10_000]
        case .crowd: [1, 64]
        case .sleep: [1]
        }
    }
}
