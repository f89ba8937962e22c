import Glibc
import Handfast
import SeededRandom

/// Random rounds for a share of FUZZ_SECONDS (default 1), from FUZZ_SEED (default random). The seed is printed first:
/// the same seed plays the same rounds, however the process ended.
enum Fuzz {
    private static let variables = Settings.processEnvironment()
    private static let shareCount = 6

    /// Calls the body again and again, each time with a generator of its own.
    static func run(_ what: String, _ body: (inout SplitMix64) throws -> Void) rethrows {
        let seed = variables["FUZZ_SEED"].flatMap { UInt64($0) } ?? UInt64.random(in: 0...UInt64.max)
        let seconds = variables["FUZZ_SECONDS"].flatMap { Double($0) } ?? 1
        print("\(what): FUZZ_SEED=\(seed)")
        fflush(nil)
        let end = ContinuousClock.now + .seconds(seconds / Double(shareCount))
        var rounds: UInt64 = 0
        while ContinuousClock.now < end {
            for _ in 0..<64 {
                var random = SplitMix64(state: seed &+ rounds)
                do { try body(&random) } catch {
                    print("\(what): round \(rounds), FUZZ_SEED=\(seed &+ rounds) fails at once")
                    throw error
                }
                rounds += 1
            }
        }
        print("\(what): \(rounds) rounds")
    }
}

/// What a round found.
struct Fault: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }

    /// - Throws: when the condition does not hold.
    static func unless(_ condition: Bool, _ description: @autoclosure () -> String) throws(Fault) {
        guard condition else { throw Fault(description()) }
    }
}

extension SplitMix64 {
    mutating func number(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &self) }
    mutating func happens(oneIn count: Int) -> Bool { number(1...count) == 1 }
    mutating func bytes(_ count: Int) -> [UInt8] { (0..<count).map { _ in UInt8(truncatingIfNeeded: next()) } }

    /// A few bytes changed, left out, put in or doubled; sometimes none.
    mutating func mutate(_ bytes: inout [UInt8], with alphabet: [UInt8] = Array(0...255)) {
        for _ in 0..<number(0...4) {
            let place = number(0...bytes.count)
            switch number(0...4) {
            case 0 where place < bytes.count: bytes[place] = alphabet.randomElement(using: &self) ?? 0
            case 1 where place < bytes.count: bytes.remove(at: place)
            case 2: bytes.insert(alphabet.randomElement(using: &self) ?? 0, at: place)
            case 3: bytes.removeSubrange(place..<number(place...bytes.count))
            default: bytes.insert(contentsOf: bytes.prefix(64).shuffled(using: &self).prefix(number(0...8)), at: place)
            }
        }
    }
}
