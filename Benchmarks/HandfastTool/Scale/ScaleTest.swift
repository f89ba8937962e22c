/// What a test of many connections is about.
enum ScaleTest: String {
    /// Set-up, one after the other.
    case connect
    /// What a connection costs that is not used.
    case memory
    /// What a call of `progress` costs beside them.
    case idle

    /// How many connections, if the user does not say.
    var usualCounts: [Int] {
        switch self {
        case .connect: [500, 5_000, 14_000]
        case .memory: [10_000]
        case .idle: [1, 100, 10_000]
        }
    }
}
