import Glibc
import SeededRandom

/// Random numbers for a test: VERBS_SEED plays those of a failing run again.
func seededRandom(_ what: String) -> SplitMix64 {
    let seed = getenv("VERBS_SEED").flatMap { UInt64(String(cString: $0)) } ?? UInt64.random(in: 0...UInt64.max)
    print("\(what): VERBS_SEED=\(seed)")
    return SplitMix64(state: seed)
}

extension SplitMix64 {
    mutating func bytes(_ count: Int) -> [UInt8] { (0..<count).map { _ in UInt8(truncatingIfNeeded: next()) } }
}
