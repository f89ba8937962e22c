/// Finds what somebody meant who wrote a name that nobody knows.
package enum NearestName {
    /// Longer names are not compared, so that the cost of a hostile one is bounded.
    private static let maximumByteCount = 64
    private static let maximumCandidateCount = 3

    /// The known names with the fewest edits to the unknown one, in the order given and at most three; none when more
    /// than half of a name would have to change. Upper and lower case are the same.
    package static func candidates(for name: String, among known: [String]) -> [String] {
        guard name.utf8.count <= maximumByteCount else { return [] }
        let wanted = Array(name.lowercased().utf8)
        var best: [String] = []
        var bestDistance = Int.max
        for candidate in known where candidate.utf8.count <= maximumByteCount {
            let letters = Array(candidate.lowercased().utf8)
            let distance = distance(from: wanted, to: letters)
            guard distance <= max(wanted.count, letters.count) / 2, distance <= bestDistance else { continue }
            if distance < bestDistance { best = [] }
            bestDistance = distance
            best.append(candidate)
        }
        return Array(best.prefix(maximumCandidateCount))
    }

    /// A half-sentence for the end of a message: `; did you mean shm?`; empty when nothing is near.
    package static func question(for name: String, among known: [String]) -> String {
        let candidates = candidates(for: name, among: known)
        return candidates.isEmpty ? "" : "; did you mean \(candidates.joined(separator: " or "))?"
    }

    /// How many letters must be inserted, removed, replaced or swapped with their neighbour.
    static func distance(from first: [UInt8], to second: [UInt8]) -> Int {
        var beforeLast: [Int] = []
        var last = Array(0...second.count)
        for row in 0..<first.count {
            var current = [row + 1]
            for column in 0..<second.count {
                let replaced = last[column] + (first[row] == second[column] ? 0 : 1)
                var cost = min(replaced, last[column + 1] + 1, current[column] + 1)
                if row > 0, column > 0, first[row] == second[column - 1], first[row - 1] == second[column] {
                    cost = min(cost, beforeLast[column - 1] + 1)
                }
                current.append(cost)
            }
            beforeLast = last
            last = current
        }
        return last[second.count]
    }
}
