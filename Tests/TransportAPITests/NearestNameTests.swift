import Testing

@testable import TransportAPI

@Suite struct `The nearest name` {
    @Test(arguments: [
        ("shm", ["shm"]), ("SHM", ["shm"]), ("hsm", ["shm"]), ("tpc", ["tcp"]), ("verb", ["verbs"]),
        ("vebrs", ["verbs"]), ("loop", ["loopback"]), ("scm", ["shm"]), ("roce", []), ("", []),
        ("tcpshm", ["tcp", "shm"]),
    ])
    func `is the one with the fewest edits`(name: String, nearest: [String]) {
        #expect(NearestName.candidates(for: name, among: ["tcp", "shm", "verbs", "loopback"]) == nearest)
    }

    @Test func `may be up to three that are equally near`() {
        #expect(
            NearestName.candidates(for: "rank", among: ["ran1", "ran2", "ran3", "ran4"]) == ["ran1", "ran2", "ran3"])
    }

    @Test func `is not looked for when the name is very long`() {
        let long = String(repeating: "x", count: 1_000_000)
        #expect(NearestName.candidates(for: long, among: [long]).isEmpty)
        #expect(NearestName.candidates(for: "x", among: [long]).isEmpty)
    }

    @Test(arguments: [
        ("", "", 0), ("", "abc", 3), ("abc", "", 3), ("abc", "abc", 0), ("abc", "acb", 1), ("abc", "bca", 2),
        ("kitten", "sitting", 3), ("ca", "abc", 3),
    ])
    func `counts insertions, removals, replacements and swaps`(first: String, second: String, distance: Int) {
        #expect(NearestName.distance(from: Array(first.utf8), to: Array(second.utf8)) == distance)
        #expect(NearestName.distance(from: Array(second.utf8), to: Array(first.utf8)) == distance)
    }

    @Test func `comes as a half-sentence, or not at all`() {
        #expect(NearestName.question(for: "tc", among: ["tcp", "shm"]) == "; did you mean tcp?")
        #expect(NearestName.question(for: "tc1", among: ["tc2", "tc3"]) == "; did you mean tc2 or tc3?")
        #expect(NearestName.question(for: "nothing", among: ["tcp", "shm"]) == "")
    }
}
