import Precon
import Testing

@Suite struct `An on-demand arbiter` {
    private let first = StreamID(1)
    private let second = StreamID(2)

    /// The peer is called rank5.
    private func arbiter(_ local: String = "rank1") -> OnDemandArbiter {
        OnDemandArbiter(local: PeerName(local), peer: PeerName("rank5"))
    }

    private func claim(_ name: String = "rank5", incarnation: UInt64? = 1, at address: String = "[::1]:5") -> PeerClaim
    {
        PeerClaim(wireName: WireName(name), wholeName: name, incarnation: incarnation, address: address)
    }

    private func code(_ actions: [OnDemandAction]) -> RejectionCode? {
        guard case .reject(_, let rejection)? = actions.last else { return nil }
        return rejection.code
    }

    @Test(arguments: ["rank1", "rank9"])
    func `connects forward when its side is the active one`(local: String) {
        var arbiter = arbiter(local)
        #expect(arbiter.handle(.demanded) == [.arm(.demand), .connectForward])
        #expect(arbiter.handle(.demanded) == [])
        #expect(arbiter.handle(.forwardOpened(first)) == [])
        #expect(arbiter.handle(.forwardIdentified(first, claim())) == [])
        #expect(arbiter.handle(.agreed(first)) == [.disarm(.demand), .established(first, as: .starter)])
        #expect(arbiter.establishedStream == first)
    }

    @Test(arguments: ["rank1", "rank9"])
    func `takes the peer's stream when its side is the passive one`(local: String) {
        var arbiter = arbiter(local)
        #expect(arbiter.handle(.accepted(first, claim())) == [.accept(first)])
        #expect(arbiter.handle(.demanded) == [.arm(.demand)])
        #expect(arbiter.handle(.agreed(first)) == [.disarm(.demand), .established(first, as: .answerer)])
    }

    @Test func `of the lower name refuses the peer's stream beside its own`() {
        var arbiter = arbiter("rank1")
        _ = arbiter.handle(.demanded)
        _ = arbiter.handle(.forwardOpened(first))
        #expect(code(arbiter.handle(.accepted(second, claim()))) == .superseded)
        _ = arbiter.handle(.forwardIdentified(first, claim()))
        #expect(code(arbiter.handle(.accepted(second, claim()))) == .superseded)
    }

    @Test func `of the higher name gives its own stream up for the peer's`() {
        var arbiter = arbiter("rank9")
        _ = arbiter.handle(.demanded)
        _ = arbiter.handle(.forwardOpened(first))
        #expect(arbiter.handle(.accepted(second, claim())) == [.abandon(first), .accept(second)])
        #expect(arbiter.handle(.agreed(second)) == [.disarm(.demand), .established(second, as: .answerer)])
    }

    static let supersededFailures: [HandshakeFailure] = [
        .rejectedByPeer(Rejection(.superseded, "")), .streamEnded(waitingFor: "VERSION"),
    ]

    @Test(arguments: supersededFailures)
    func `of the higher name awaits the peer that closed its stream, and connects again when it does not come`(
        failure: HandshakeFailure
    ) {
        var arbiter = arbiter("rank9")
        _ = arbiter.handle(.demanded)
        _ = arbiter.handle(.forwardOpened(first))
        #expect(arbiter.handle(.streamFailed(first, failure)) == [.arm(.peerConnect)])
        var other = arbiter
        #expect(arbiter.handle(.accepted(second, claim())) == [.disarm(.peerConnect), .accept(second)])
        #expect(other.handle(.timerPassed(.peerConnect)) == [.connectForward])
    }

    @Test(arguments: ["rank1", "rank9"])
    func `yields to the peer while nobody has seen its own connect`(local: String) {
        var arbiter = arbiter(local)
        _ = arbiter.handle(.demanded)
        #expect(arbiter.handle(.accepted(second, claim())) == [.cancelConnect, .accept(second)])
        #expect(arbiter.handle(.forwardOpened(first)) == [.abandon(first)])
    }

    @Test func `connects when it is asked to, and always acknowledges`() {
        var arbiter = arbiter("rank1")
        #expect(arbiter.handle(.askedToConnect(second)) == [.acknowledge(second), .arm(.demand), .connectForward])
        #expect(arbiter.handle(.askedToConnect(second)) == [.acknowledge(second)])
        _ = arbiter.handle(.forwardOpened(first))
        _ = arbiter.handle(.forwardIdentified(first, claim()))
        _ = arbiter.handle(.agreed(first))
        #expect(arbiter.handle(.askedToConnect(second)) == [.acknowledge(second)])
    }

    @Test func `of the higher name asks the peer to connect when it cannot reach it`() {
        var arbiter = arbiter("rank9")
        _ = arbiter.handle(.demanded)
        #expect(arbiter.handle(.forwardUnreachable("no route")) == [.connectBack])
        #expect(arbiter.handle(.backConnectAcknowledged) == [.arm(.peerConnect)])
        #expect(arbiter.handle(.timerPassed(.peerConnect)) == [.connectBack])
        #expect(
            arbiter.handle(.backConnectFailed("no other route")) == [
                .disarm(.demand), .failed(.unreachable("no route; asked to connect instead: no other route")),
            ])
        #expect(arbiter.handle(.demanded) == [.arm(.demand), .connectForward])
    }

    @Test func `of the lower name fails when it cannot reach the peer`() {
        var arbiter = arbiter("rank1")
        _ = arbiter.handle(.demanded)
        #expect(
            arbiter.handle(.forwardUnreachable("no route")) == [.disarm(.demand), .failed(.unreachable("no route"))])
        #expect(arbiter.isIdle)
    }

    @Test func `goes on after a passing failure and ends with a lasting one`() {
        var arbiter = arbiter("rank1")
        _ = arbiter.handle(.demanded)
        for failure: HandshakeFailure in [
            .streamEnded(waitingFor: ""), .deadlinePassed(waitingFor: ""), .rejectedByPeer(Rejection(.busy, "")),
        ] {
            _ = arbiter.handle(.forwardOpened(first))
            #expect(arbiter.handle(.streamFailed(first, failure)) == [.connectForward])
        }
        _ = arbiter.handle(.forwardOpened(first))
        _ = arbiter.handle(.forwardIdentified(first, claim()))
        let unknown = HandshakeFailure.rejectedByPeer(Rejection(.unknownName, "who?"))
        #expect(arbiter.handle(.streamFailed(first, unknown)) == [.disarm(.demand), .failed(.handshake(unknown))])
    }

    @Test(arguments: ["rank1", "rank9"])
    func `takes a refusal of nobody knows whom as one of that address, until none is left`(local: String) {
        var arbiter = arbiter(local)
        _ = arbiter.handle(.demanded)
        _ = arbiter.handle(.forwardOpened(first))
        let unknown = HandshakeFailure.rejectedByPeer(Rejection(.unknownName, "who?"))
        #expect(arbiter.handle(.streamFailed(first, unknown)) == [.connectForward])
        #expect(arbiter.handle(.forwardRefused("who?")) == [.disarm(.demand), .failed(.refused("who?"))])
        #expect(arbiter.isIdle)
    }

    @Test func `connects by itself when the peer's stream was meant for another process`() {
        var arbiter = arbiter()
        _ = arbiter.handle(.accepted(first, claim()))
        _ = arbiter.handle(.demanded)
        let failure = HandshakeFailure.rejectedByPeer(Rejection(.unknownName, "rank7 was expected"))
        #expect(arbiter.handle(.streamFailed(first, failure)) == [.connectForward])
    }

    @Test func `looks elsewhere when another process answers`() {
        var arbiter = arbiter("rank1")
        _ = arbiter.handle(.demanded)
        _ = arbiter.handle(.forwardOpened(first))
        let actions = arbiter.handle(.forwardIdentified(first, claim("rank7")))
        #expect(actions.last == .connectForward)
        #expect(code(actions.dropLast()) == .unknownName)
        #expect(code(arbiter.handle(.accepted(second, claim("rank7")))) == .unknownName)
    }

    @Test func `keeps an established association until a new incarnation's stream is agreed`() {
        var arbiter = arbiter()
        _ = arbiter.handle(.accepted(first, claim()))
        _ = arbiter.handle(.agreed(first))
        #expect(code(arbiter.handle(.accepted(second, claim()))) == .busy)
        #expect(arbiter.handle(.accepted(second, claim(incarnation: 2))) == [.accept(second)])
        #expect(arbiter.establishedStream == first)
        #expect(arbiter.handle(.demanded) == [])
        #expect(
            arbiter.handle(.agreed(second)) == [.peerRestarted(first), .established(second, as: .answerer)])
        #expect(arbiter.handle(.associationEnded(first)) == [])
        #expect(arbiter.establishedStream == second)
    }

    @Test func `is not disturbed by a claim that comes to nothing`() {
        var arbiter = arbiter()
        _ = arbiter.handle(.accepted(first, claim()))
        _ = arbiter.handle(.agreed(first))
        let before = arbiter
        _ = arbiter.handle(.accepted(second, claim(incarnation: 2)))
        #expect(arbiter.handle(.streamFailed(second, .streamEnded(waitingFor: "ARCH_REQ"))) == [])
        #expect(arbiter == before)
    }

    @Test func `goes on with a new incarnation's stream when the association ends by itself meanwhile`() {
        var arbiter = arbiter()
        _ = arbiter.handle(.accepted(first, claim()))
        _ = arbiter.handle(.agreed(first))
        _ = arbiter.handle(.accepted(second, claim(incarnation: 2)))
        #expect(arbiter.handle(.associationEnded(first)) == [])
        #expect(arbiter.handle(.demanded) == [.arm(.demand)])
        #expect(arbiter.handle(.agreed(second)) == [.disarm(.demand), .established(second, as: .answerer)])
    }

    @Test func `has one claim beside an established association, the newest`() {
        var arbiter = arbiter()
        _ = arbiter.handle(.accepted(first, claim()))
        _ = arbiter.handle(.agreed(first))
        _ = arbiter.handle(.accepted(second, claim(incarnation: 2)))
        let third = StreamID(3)
        #expect(code(arbiter.handle(.accepted(third, claim(incarnation: 2)))) == .busy)
        let actions = arbiter.handle(.accepted(third, claim(incarnation: 3)))
        #expect(code(actions.dropLast()) == .busy)
        #expect(actions.last == .accept(third))
        let withdrawn = arbiter.handle(.withdrawn)
        #expect(withdrawn.count == 1)
        #expect(code(withdrawn) == .shuttingDown)
        #expect(arbiter.establishedStream == first)
    }

    @Test func `refuses a claim without an incarnation beside an association that has one, and names both addresses`() {
        var arbiter = arbiter()
        _ = arbiter.handle(.accepted(first, claim(at: "here")))
        _ = arbiter.handle(.agreed(first))
        let nameless = PeerClaim(wireName: WireName("rank5"), wholeName: nil, incarnation: nil, address: "there")
        let text = "the name rank5 is used by two processes, at here and at there"
        #expect(arbiter.handle(.accepted(second, nameless)) == [.reject(second, Rejection(.duplicateName, text))])
        #expect(arbiter.establishedStream == first)
    }

    @Test func `turns to a new incarnation in the middle of a handshake with the former one`() {
        var accepting = arbiter()
        _ = accepting.handle(.accepted(first, claim()))
        #expect(code(accepting.handle(.accepted(second, claim()))) == .busy)
        let actions = accepting.handle(.accepted(second, claim(incarnation: 2)))
        #expect(code(actions.dropLast()) == .busy)
        #expect(actions.last == .accept(second))
        var answered = arbiter()
        _ = answered.handle(.demanded)
        _ = answered.handle(.forwardOpened(first))
        _ = answered.handle(.forwardIdentified(first, claim()))
        #expect(answered.handle(.accepted(second, claim(incarnation: 2))).last == .accept(second))
        #expect(answered.handle(.agreed(second)) == [.disarm(.demand), .established(second, as: .answerer)])
    }

    @Test(arguments: [true, false])
    func `refuses the last eight incarnations that others have followed, and names both addresses`(isKilled: Bool) {
        var arbiter = arbiter()
        for incarnation: UInt64 in 1...10 {
            if isKilled { _ = arbiter.handle(.associationEnded(StreamID(incarnation - 1))) }
            _ = arbiter.handle(.accepted(StreamID(incarnation), claim(incarnation: incarnation, at: "here")))
            _ = arbiter.handle(.agreed(StreamID(incarnation)))
        }
        let text = "the name rank5 is used by two processes, at here and at there"
        let late = StreamID(11)
        for incarnation: UInt64 in 2...9 {
            #expect(
                arbiter.handle(.accepted(late, claim(incarnation: incarnation, at: "there"))) == [
                    .reject(late, Rejection(.duplicateName, text))
                ])
        }
        #expect(arbiter.establishedStream == StreamID(10))
        #expect(arbiter.handle(.accepted(late, claim(incarnation: 1))) == [.accept(late)], "nobody remembers it")
    }

    @Test(arguments: ["rank1", "rank9"])
    func `gives up when the peer says three times that another process has its name`(local: String) {
        var arbiter = arbiter(local)
        let failure = HandshakeFailure.rejectedByPeer(Rejection(.duplicateName, "at here and at there"))
        for _ in 0..<2 {
            _ = arbiter.handle(.demanded)
            for turn in 1...3 {
                let stream = StreamID(UInt64(turn))
                _ = arbiter.handle(.forwardOpened(stream))
                let expected: [OnDemandAction] =
                    turn < 3 ? [.connectForward] : [.disarm(.demand), .failed(.handshake(failure))]
                #expect(arbiter.handle(.streamFailed(stream, failure)) == expected, "turn \(turn)")
            }
            #expect(arbiter.isIdle)
        }
    }

    @Test func `does not connect a name with itself`() {
        let duplicate = HandshakeFailure.rejectedByPeer(Rejection(.duplicateName, "at here and at there"))
        for events in [
            [OnDemandEvent.forwardRefused("it says no")],
            [.forwardOpened(first), .streamFailed(first, duplicate)],
        ] {
            var arbiter = arbiter("rank5")
            #expect(arbiter.handle(.demanded) == [.arm(.demand), .connectForward])
            let actions = events.map { arbiter.handle($0) }
            #expect(actions.last == [.disarm(.demand), .failed(.sameName("rank5"))])
            #expect(arbiter.isIdle)
        }
        var arbiter = arbiter("rank5")
        #expect(arbiter.handle(.askedToConnect(first)) == [.acknowledge(first)])
        #expect(code(arbiter.handle(.accepted(first, claim()))) == .duplicateName)
        #expect(arbiter.isIdle)
    }

    @Test func `says where it stood when the deadline for the whole passes`() {
        var arbiter = arbiter("rank9")
        _ = arbiter.handle(.demanded)
        var connecting = arbiter
        #expect(
            connecting.handle(.timerPassed(.demand)) == [
                .cancelConnect, .failed(.deadlinePassed(waitingFor: "a stream to the peer")),
            ])
        _ = arbiter.handle(.forwardOpened(first))
        let actions = arbiter.handle(.timerPassed(.demand))
        #expect(code(actions.dropLast()) == .timeout)
        #expect(actions.last == .failed(.deadlinePassed(waitingFor: "the peer's answer")))
        #expect(arbiter.isIdle)
    }

    @Test func `that has asked the peer to connect says at its deadline why it could not connect itself`() {
        var arbiter = OnDemandArbiter(local: PeerName("beta"), peer: PeerName("alpha"))
        for event in [OnDemandEvent.demanded, .forwardUnreachable("the name is taken"), .backConnectAcknowledged] {
            _ = arbiter.handle(event)
        }
        let actions = arbiter.handle(.timerPassed(.demand))
        #expect(
            actions.last == .failed(.deadlinePassed(waitingFor: "the peer's own connect, after the name is taken")))
    }

    @Test func `that is no longer wanted frees everything without a report`() {
        var arbiter = arbiter("rank9")
        #expect(arbiter.handle(.withdrawn) == [])
        _ = arbiter.handle(.demanded)
        var connecting = arbiter
        #expect(connecting.handle(.withdrawn) == [.cancelConnect, .disarm(.demand)])
        _ = arbiter.handle(.forwardOpened(first))
        _ = arbiter.handle(.streamFailed(first, .streamEnded(waitingFor: "")))
        #expect(arbiter.handle(.withdrawn) == [.disarm(.peerConnect), .disarm(.demand)])
        #expect(arbiter.isIdle)
    }

    @Test func `costs a runtime with thousands of unconnected peers little`() {
        #expect(MemoryLayout<OnDemandArbiter>.size <= 128)
    }
}

@Suite struct `A peer's name` {
    static let ordered: [(String, String)] = [
        ("a", "b"), ("a", "aa"), ("rank1", "rank10"), ("Z", "a"), ("z", "é"), ("", "a"), ("12345678", "~"),
    ]

    @Test(arguments: ordered)
    func `is ordered by the bytes of its wire form`(lower: String, higher: String) {
        #expect(PeerName(lower) < PeerName(higher))
        #expect(!(PeerName(higher) < PeerName(lower)))
    }

    @Test func `of the same wire form is ordered by the whole`() {
        let long = PeerName("a name of more than eight bytes")
        let twin = PeerName(long.wire.description)
        #expect(long.wire == twin.wire)
        #expect(long < twin)
        #expect(!(twin < long))
        #expect(long != twin)
    }

    @Test func `is another one when it is spelled with other bytes`() {
        #expect(PeerName("\u{e9}") != PeerName("e\u{301}"))
    }
}
