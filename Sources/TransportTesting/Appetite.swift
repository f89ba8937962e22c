import SeededRandom

/// How an engine takes the bytes that a transport has for it.
enum Appetite {
    case everything
    /// It refuses all until it resumes with another appetite.
    case nothing
    /// So many bytes of each delivery.
    case atMost(Int)
    /// It says where the bytes go, in places of so many bytes.
    case places(of: Int)
    /// Any of these, in turns that the generator chooses.
    case mixed(SplitMix64)

    /// Size of the next place, in bytes; nil when there is none.
    mutating func nextPlace() -> Int? {
        switch self {
        case .everything, .nothing, .atMost: return nil
        case .places(let byteCount): return byteCount
        case .mixed(var generator):
            defer { self = .mixed(generator) }
            return Bool.random(using: &generator) ? Int.random(in: 1...100_000, using: &generator) : nil
        }
    }

    /// How many of the bytes that are delivered are taken.
    mutating func take(_ byteCount: Int) -> Int {
        switch self {
        case .everything, .places: return byteCount
        case .nothing: return 0
        case .atMost(let limit): return min(limit, byteCount)
        case .mixed(var generator):
            defer { self = .mixed(generator) }
            return Int.random(in: 0...3, using: &generator) > 0
                ? byteCount : Int.random(in: 0...byteCount, using: &generator)
        }
    }
}
