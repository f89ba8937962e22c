import SeededRandom
import Testing
import TransportAPI

@testable import Handfast

@Suite struct `A transport selection` {
    private static let known = ["shm", "verbs", "tcp"]
    private let remote = PeerDescription(name: "rank7", address: [10, 1, 2, 3], isLocal: false)
    private let local = PeerDescription(name: "rank8", address: [127, 0, 0, 1], isLocal: true)

    private func selection(_ transports: String = "", _ select: String = "") throws(HandfastError) -> TransportSelection
    {
        try TransportSelection(
            transports: SelectionText(.variable("HANDFAST_TRANSPORTS"), transports),
            select: SelectionText(.variable("HANDFAST_SELECT"), select), known: Self.known)
    }

    @Test(arguments: [
        ("", "shm verbs tcp"), (" \t", "shm verbs tcp"), ("tcp", "tcp"), ("tcp,shm", "tcp shm"),
        (" tcp ,\tshm ", "tcp shm"),
        ("^tcp", "shm verbs"), ("^ tcp , shm", "verbs"), ("^shm,verbs,tcp", ""),
    ])
    func `orders and restricts all peers alike`(transports: String, names: String) throws {
        let selection = try selection(transports)
        #expect(selection.choose(for: remote).names.joined(separator: " ") == names)
        #expect(selection.choose(for: local) == selection.choose(for: remote))
    }

    @Test(arguments: [
        ("", "local=shm", "shm verbs tcp"), ("", "local=shm; *=tcp", "tcp"), ("", "*=tcp; rank7=shm", "tcp"),
        ("", "rank7=tcp,shm", "tcp shm"), ("", "rank=tcp", "shm verbs tcp"), ("", "10.0.0.0/8 = ^shm", "verbs tcp"),
        ("", "10.1.2.3=tcp;*=shm", "tcp"), ("", "10.1.2.4=tcp;*=shm", "shm"), ("", "fe80::/10=tcp;*=shm", "shm"),
        ("tcp,shm", "10.0.0.0/8=^shm", "tcp"), ("tcp,shm", "11.0.0.0/8=^shm", "tcp shm"), ("^tcp", "*=tcp,shm", "shm"),
        ("^tcp", "*=tcp", ""), ("^tcp", "*=^shm", "verbs"), ("tcp", "r?nk*=verbs,tcp", "tcp"),
    ])
    func `takes the first rule that matches, within what is left for all`(
        transports: String, select: String, names: String
    ) throws {
        #expect(try selection(transports, select).choose(for: remote).names.joined(separator: " ") == names)
    }

    @Test func `calls a peer on this host and this process itself local`() throws {
        let selection = try selection("", "local=shm")
        #expect(selection.choose(for: local).names == ["shm"])
        let own = PeerDescription(name: "me", address: [], isLocal: false, isSelf: true)
        #expect(selection.choose(for: own).names == ["shm"])
        #expect(selection.choose(for: remote).names == Self.known)
    }

    @Test(arguments: [
        ("^tcp", "", "tcp", "excluded by HANDFAST_TRANSPORTS=^tcp"),
        ("shm,verbs", "", "tcp", "not named by HANDFAST_TRANSPORTS=shm,verbs"),
        ("", "10.0.0.0/8=tcp; *=shm", "shm", "not named by the rule \"10.0.0.0/8=tcp\" of HANDFAST_SELECT"),
        ("", "x=tcp; *=^tcp ", "tcp", "excluded by the rule \"*=^tcp\" of HANDFAST_SELECT"),
        (
            "^tcp", "*=tcp", "tcp",
            "excluded by HANDFAST_TRANSPORTS=^tcp, although the rule \"*=tcp\" of HANDFAST_SELECT names it"
        ),
        (
            "shm", "*=tcp", "tcp",
            "not named by HANDFAST_TRANSPORTS=shm, although the rule \"*=tcp\" of HANDFAST_SELECT names it"
        ),
        ("^tcp", "*=^tcp", "tcp", "excluded by HANDFAST_TRANSPORTS=^tcp"),
        ("^tcp", "*=tcp", "shm", "not named by the rule \"*=tcp\" of HANDFAST_SELECT"),
    ])
    func `keeps a reason for every transport that is left out`(
        transports: String, select: String, name: String, reason: String
    ) throws {
        let choice = try selection(transports, select).choose(for: remote)
        #expect(choice.excluded.first { $0.name == name }?.reason == reason)
        #expect(Set(choice.names + choice.excluded.map(\.name)) == Set(Self.known))
        #expect(choice.names.count + choice.excluded.count == Self.known.count)
    }

    @Test func `from arguments says so in its reasons and errors`() throws {
        let selection = try TransportSelection(transports: "^tcp", select: "*=shm", known: Self.known)
        #expect(
            selection.choose(for: remote).excluded.map(\.reason) == [
                "not named by the rule \"*=shm\" of the argument `select`",
                "excluded by the argument `transports` (\"^tcp\")",
            ])
        #expect(
            try TransportSelection(transports: nil, select: nil, known: Self.known).choose(for: remote).names
                == Self.known)
        #expect(
            error { () throws(HandfastError) in
                _ = try TransportSelection(transports: "tpc", select: nil, known: Self.known)
            }
                == "the argument `transports`, \"tpc\", is wrong at byte 1: \"tpc\" is no transport; known are shm, verbs, tcp;"
                + " did you mean tcp?")
    }

    @Test(arguments: [
        ("shm,tpc", 5, "\"tpc\" is no transport; known are shm, verbs, tcp; did you mean tcp?"),
        ("roce", 1, "\"roce\" is no transport; known are shm, verbs, tcp"), ("SHM", 1, "did you mean shm?"),
        ("shm,,tcp", 5, "is missing"), (",shm", 1, "is missing"), ("shm, ", 5, "is missing"), ("^", 2, "is missing"),
        ("shm,tcp,shm", 9, "\"shm\" comes twice"), ("shm,^tcp", 5, "`^` stands once"),
        ("^shm,^tcp", 6, "`^` stands once"),
        ("^^tcp", 2, "`^` stands once"), ("shm tcp", 1, "\"shm tcp\" is no transport"),
        ("*", 1, "\"*\" is no transport"),
    ])
    func `that is wrong is an error with variable, text, place and what is allowed`(
        transports: String, byte: Int, fault: String
    ) {
        let message = error { () throws(HandfastError) in _ = try selection(transports) }
        #expect(
            message?.hasPrefix("HANDFAST_TRANSPORTS, \"\(transports)\", is wrong at byte \(byte): ") == true,
            "\(message ?? "")")
        #expect(message?.contains(fault) == true, "\(message ?? "")")
    }

    @Test(arguments: [
        ("tcp", 1, "is missing"), ("*=tcp;", 7, "a rule such as"), ("*=tcp;;x=tcp", 7, "a rule such as"),
        ("=tcp", 1, "the peers are missing"), ("*=tcp; =tcp", 8, "the peers are missing"),
        ("*=", 3, "the name of a transport"),
        ("*=tcp; x=shm,tpc", 14, "did you mean tcp?"), ("*=tcp,tcp", 7, "comes twice"),
        ("*=tcp=shm", 3, "is no transport"),
        ("10.0.0/8=tcp", 1, "no address and no network"), ("10.0.0.0/33=tcp", 1, "no address and no network"),
        ("10.0.0.0/=tcp", 1, "no address"), ("10.0.0.256=tcp", 1, "no address"), ("fe80::1%eth0=tcp", 1, "no address"),
        ("fe80::/129=tcp", 1, "no address"), ("*=tcp; ::g/1=tcp; 1.2/3=tcp", 19, "no address"),
    ])
    func `with a wrong rule is an error with its place`(select: String, byte: Int, fault: String) {
        let message = error { () throws(HandfastError) in _ = try selection("", select) }
        #expect(
            message?.hasPrefix("HANDFAST_SELECT, \"\(select)\", is wrong at byte \(byte): ") == true, "\(message ?? "")"
        )
        #expect(message?.contains(fault) == true, "\(message ?? "")")
    }

    @Test func `is made from at most 4096 bytes`() {
        let long = String(repeating: "x", count: 1_000_000)
        for message in [
            error { () throws(HandfastError) in
                _ = try TransportSelection(transports: long, select: nil, known: Self.known)
            },
            error { () throws(HandfastError) in
                _ = try TransportSelection(transports: nil, select: long, known: Self.known)
            },
        ] {
            #expect(message?.contains("has 1000000 bytes; allowed are 4096") == true)
            #expect((message?.utf8.count ?? .max) < 300)
        }
    }

    @Test func `survives any text whatever, and never loses a transport`() {
        let seed: UInt64 = 0x5e1e_c700
        var generator = SplitMix64(state: seed)
        let parts = [
            "shm", "tcp", "verbs", ",", ",", ";", ";", "=", "=", "^", "*", "?", "local", "10.0.0.0/8", "::/0", "rank7",
            " ", "\u{0}", "ä",
        ]
        var madeCount = 0
        for round in 0..<50_000 {
            let transports = randomText(of: parts, maximumCount: 4, using: &generator)
            let select = randomText(of: parts, maximumCount: 12, using: &generator)
            guard let selection = try? TransportSelection(transports: transports, select: select, known: Self.known)
            else { continue }
            madeCount += 1
            for peer in [remote, local] {
                let choice = selection.choose(for: peer)
                let names = choice.names + choice.excluded.map(\.name)
                #expect(names.sorted() == Self.known.sorted(), "seed \(seed), round \(round): \(transports) \(select)")
            }
        }
        #expect(madeCount > 100, "too few of the texts were allowed to say anything")
    }

    private func randomText(of parts: [String], maximumCount: Int, using generator: inout SplitMix64) -> String {
        (0..<Int.random(in: 0...maximumCount, using: &generator)).map { _ in parts.randomElement(using: &generator)! }
            .joined()
    }

    private func error(_ body: () throws(HandfastError) -> Void) -> String? {
        do throws(HandfastError) { try body() } catch { return error.message }
        return nil
    }
}
