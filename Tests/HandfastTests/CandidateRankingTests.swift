import SeededRandom
import Testing

@testable import Handfast

/// A host's addresses from a short text: `eth0 10.0.0.2/8 default`, `docker0 172.17.0.1/16`, `eth1 10.9.0.1/16 down`.
func interfaces(_ lines: [String]) throws -> [InterfaceAddress] {
    try lines.map { line in
        let words = line.split(separator: " ").map(String.init)
        let parts = words[1].split(separator: "/").map(String.init)
        return InterfaceAddress(
            interface: words[0], address: try #require(IPAddress(parts[0])),
            prefixBitCount: try #require(Int(parts[1])),
            isUp: !words.contains("down"), hasDefaultRoute: words.contains("default"))
    }
}

struct RankingCase: CustomTestStringConvertible, Sendable {
    let testDescription: String
    let own: [String]
    let places: [String]
    var priorities: [UInt8] = []
    let ranked: [String]

    static let host = [
        "lo 127.0.0.1/8", "lo ::1/128", "eth0 10.0.0.2/24 default", "eth0 fd00::2/64 default", "eth0 fe80::2%eth0/64",
        "ib0 192.168.7.2/24", "docker0 172.17.0.1/16", "wg0 10.99.0.2/16",
    ]

    static let all = [
        RankingCase(
            testDescription: "what is near comes first, tunnels and containers last", own: host,
            places: [
                "172.17.0.9", "10.99.0.7", "fe80::7%eth0", "8.8.8.8", "2001:db8::7", "192.168.7.7", "10.0.0.7",
                "fd00::7",
            ],
            ranked: [
                "10.0.0.7", "fd00::7", "192.168.7.7", "8.8.8.8", "2001:db8::7", "fe80::7%eth0", "172.17.0.9",
                "10.99.0.7",
            ]),
        RankingCase(
            testDescription: "a docker0 that both hosts have leads to the own one", own: host,
            places: ["172.17.0.1", "172.17.0.2", "10.0.0.7"], ranked: ["10.0.0.7", "172.17.0.2", "172.17.0.1"]),
        RankingCase(
            testDescription: "in every spelling", own: host,
            places: ["::ffff:172.17.0.1", "fe80::1%eth0", "::ffff:10.0.0.7"],
            ranked: ["::ffff:10.0.0.7", "fe80::1%eth0", "::ffff:172.17.0.1"]),
        RankingCase(
            testDescription: "the own outward address is as near as its subnet", own: host,
            places: ["8.8.8.8", "10.0.0.2"],
            ranked: ["10.0.0.2", "8.8.8.8"]),
        RankingCase(
            testDescription: "loopback is nobody else", own: host, places: ["127.0.0.1", "::1", "0.0.0.0", "8.8.8.8"],
            ranked: ["8.8.8.8", "127.0.0.1", "::1", "0.0.0.0"]),
        RankingCase(
            testDescription: "the longest prefix is the system's way",
            own: ["eth0 10.0.0.2/8 default", "tun0 10.1.0.2/16"],
            places: ["10.1.0.7", "10.2.0.7"], ranked: ["10.2.0.7", "10.1.0.7"]),
        RankingCase(
            testDescription: "an interface that is down is none",
            own: ["eth0 10.0.0.2/24 default", "eth1 10.9.0.2/24 down"],
            places: ["10.9.0.7", "8.8.8.8", "10.0.0.7"], ranked: ["10.0.0.7", "10.9.0.7", "8.8.8.8"]),
        RankingCase(
            testDescription: "a family without a default route comes after one with it",
            own: ["eth0 10.0.0.2/24 default"],
            places: ["2001:db8::7", "8.8.8.8"], ranked: ["8.8.8.8", "2001:db8::7"]),
        RankingCase(
            testDescription: "IPv4 has links of its own too", own: host, places: ["169.254.1.1", "2001:db8::7"],
            ranked: ["2001:db8::7", "169.254.1.1"]),
        RankingCase(
            testDescription: "link-local behind a bridge is behind a bridge", own: host + ["br-1 fe80::3%br-1/64"],
            places: ["fe80::7%br-1", "fe80::7%eth0"], ranked: ["fe80::7%eth0", "fe80::7%br-1"]),
        RankingCase(
            testDescription: "the peer's priorities count among equals", own: host,
            places: ["8.8.8.8", "10.0.0.7", "10.0.0.8", "10.0.0.9"], priorities: [255, 1, 9],
            ranked: ["10.0.0.8", "10.0.0.7", "10.0.0.9", "8.8.8.8"]),
        RankingCase(
            testDescription: "without a network nothing changes", own: [], places: ["10.0.0.9", "8.8.8.8", "fd00::1"],
            ranked: ["10.0.0.9", "8.8.8.8", "fd00::1"]),
        RankingCase(testDescription: "nothing is nothing", own: host, places: [], ranked: []),
    ]
}

@Suite struct `Candidates` {
    @Test(arguments: RankingCase.all)
    func `are ranked by where they are`(_ example: RankingCase) throws {
        let places = try example.places.map {
            try EndpointAddress.Place(host: try #require(IPAddress($0)), port: 5000)
        }
        let ranked = CandidateRanking.rank(places, priorities: example.priorities, from: try interfaces(example.own))
        #expect(ranked.map(\.host.description) == example.ranked)
    }

    @Test func `are all kept, whatever they are`() throws {
        let seed: UInt64 = 0x4a4b_0001
        var generator = SplitMix64(state: seed)
        let own = try interfaces(RankingCase.host)
        for round in 0..<1_000 {
            let places = try (0..<Int.random(in: 0...16, using: &generator)).map { _ in
                let bytes = (0..<(Bool.random(using: &generator) ? 4 : 16)).map { _ in
                    [0, 10, 127, 172, 254, 255].randomElement(using: &generator)! as UInt8
                }
                return try EndpointAddress.Place(host: try #require(IPAddress(bytes: bytes)), port: 1)
            }
            let ranked = CandidateRanking.rank(places, from: own)
            #expect(ranked.count == places.count && Set(ranked) == Set(places), "seed \(seed), round \(round)")
        }
    }
}
