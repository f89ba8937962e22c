import Precon
import Testing

@Suite struct `Two handshakes, in every order of events` {
    struct Pairing: Sendable, CustomStringConvertible {
        let starterDialect: UInt32
        let answererDialect: UInt32
        let starterTransports: [UInt32]
        let answererTransports: [UInt32]
        var description: String {
            "\(String(starterDialect, radix: 16)) \(starterTransports) to \(String(answererDialect, radix: 16)) \(answererTransports)"
        }

        static let all: [Pairing] = [(0x300, 0x300), (0x300, 0x200), (0x200, 0x300)].flatMap { dialects in
            [([1], [1]), ([1, 2], [2]), ([1, 2], [2, 1]), ([1, 2, 3], [3, 2, 1]), ([1, 2, 3], [3]), ([1], [2])].map {
                Pairing(
                    starterDialect: dialects.0, answererDialect: dialects.1, starterTransports: $0.0,
                    answererTransports: $0.1)
            }
        }
    }

    @Test(arguments: Pairing.all)
    func `agree on one transport or both fail, and leave nothing open`(pairing: Pairing) {
        let start = world(pairing)
        var seen: Set<HandshakeWorld> = [start]
        var open = [start]
        var established = 0
        while let world = open.popLast() {
            if let fault = world.fault {
                Issue.record("\(pairing): \(fault)")
                return
            }
            let moves = world.moves(cutting: true)
            if world.moves(cutting: false).isEmpty {
                guard check(world, pairing) else { return }
                if case .established = world.sides[0].end { established += 1 }
            }
            for next in moves.map(world.after) where seen.insert(next).inserted { open.append(next) }
        }
        print("searched \(pairing): \(seen.count) states")
        let isPossible = !Set(pairing.starterTransports).isDisjoint(with: pairing.answererTransports)
        #expect((established > 0) == isPossible)
    }

    /// - Returns: false when a rule is broken, so that one report is enough.
    private func check(_ world: HandshakeWorld, _ pairing: Pairing) -> Bool {
        let ends = world.sides.map(\.end)
        var complaint: String?
        switch (ends[0], ends[1]) {
        case (.established(let first)?, .established(let second)?):
            if first != second { complaint = "they chose \(first) and \(second)" }
        case (.failed?, .failed?): break
        case (.established?, .failed?), (.failed?, .established?):
            // Only a broken stream can part them, and then the one that is up sees the end of it.
            let isTold = world.sides.allSatisfy { $0.hasSeenEnd }
            if !(world.isCut || world.isAbandoned) || !isTold { complaint = "one is up, the other failed" }
        case (nil, _), (_, nil): complaint = "somebody waits for ever"
        }
        if world.sides.contains(where: { $0.attempt != nil }) {
            complaint = "an attempt is neither completed nor abandoned"
        }
        for side in world.sides where side.end != nil {
            for decision in side.handshake.decisions where decision.outcome == .refusedByPeer(nil) {
                complaint = "the reason against \(decision.transport) is lost"
            }
        }
        guard let complaint else { return true }
        Issue.record("\(pairing): \(complaint): \(world.sides.map { ($0.end, $0.handshake.waitingFor) })")
        return false
    }

    private func world(_ pairing: Pairing) -> HandshakeWorld {
        func version(_ highest: UInt32) -> VersionOffer {
            VersionOffer(
                lowest: 0x200, highest: highest,
                handfast: highest >= 0x300 ? .init(features: 0, incarnation: 1, nonce: .init(high: 0, low: 0)) : nil)
        }
        let info = ConnectionInfo(origin: .tcp(port: 1), node: 1, rank: 0, connectionID: 1, name: WireName("rank0"))
        func about(_ dialect: UInt32) -> PeerInfo? { dialect >= 0x300 ? PeerInfo() : nil }
        return HandshakeWorld(
            starter: Handshake(
                startingAs: info, version: version(pairing.starterDialect), peerInfo: about(pairing.starterDialect),
                transports: pairing.starterTransports),
            answerer: Handshake(
                answeringWith: version(pairing.answererDialect), peerInfo: about(pairing.answererDialect)),
            answererTransports: pairing.answererTransports)
    }
}
