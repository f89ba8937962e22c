import SeededRandom
import Testing

@testable import Handfast

@Suite struct `A name pattern` {
    @Test(arguments: [
        ("rank7", "rank7", true), ("rank7", "rank70", false), ("rank7", "Rank7", false), ("", "", true),
        ("", "a", false),
        ("*", "", true), ("*", "anything", true), ("rank*", "rank", true), ("rank*", "rank77", true),
        ("rank*", "xrank", false),
        ("*7", "rank7", true), ("*7", "rank78", false), ("r*k*7", "rank-kiosk-77", true), ("r*k*7", "rank", false),
        ("rank?", "rank7", true), ("rank?", "rank", false), ("rank?", "rank77", false), ("?*?", "a", false),
        ("?*?", "ab", true),
        ("**a**", "bab", true), ("*ab", "aab", true), ("*a?c", "abcabd", false), ("r?nk", "ränk", true),
        ("a*b?c*", "axxbxbyczz", true),
    ])
    func `knows * and ?`(pattern: String, name: String, matches: Bool) {
        #expect(NamePattern(pattern).matches(name) == matches)
    }

    // Trying every star again would take longer than the universe is old.
    @Test func `of many stars needs no long search`() {
        let pattern = NamePattern(String(repeating: "*a", count: 500) + "b")
        #expect(!pattern.matches(String(repeating: "a", count: 800)))
    }

    @Test func `matches as its definition says, on random texts`() {
        let seed: UInt64 = 0x610b_0000
        var generator = SplitMix64(state: seed)
        for round in 0..<20_000 {
            let pattern = text(of: "ab*?", upTo: 6, using: &generator)
            let name = text(of: "ab", upTo: 8, using: &generator)
            #expect(
                NamePattern(pattern).matches(name) == isMatch(pattern[...], name[...]),
                "seed \(seed), round \(round): \(pattern) \(name)")
        }
    }

    /// The definition, word by word.
    private func isMatch(_ pattern: Substring, _ name: Substring) -> Bool {
        guard let first = pattern.first else { return name.isEmpty }
        if first == "*" {
            return isMatch(pattern.dropFirst(), name) || !name.isEmpty && isMatch(pattern, name.dropFirst())
        }
        guard let letter = name.first, first == "?" || first == letter else { return false }
        return isMatch(pattern.dropFirst(), name.dropFirst())
    }

    private func text(of letters: String, upTo count: Int, using generator: inout SplitMix64) -> String {
        String(
            (0..<Int.random(in: 0...count, using: &generator)).map { _ in letters.randomElement(using: &generator)! })
    }
}
