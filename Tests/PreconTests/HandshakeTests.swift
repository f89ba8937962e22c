import Precon
import Testing

@Suite struct `A handshake` {
    private let ours = VersionOffer(
        lowest: 0x200, highest: 0x300, handfast: .init(features: 0, incarnation: 1, nonce: .init(high: 1, low: 2)))
    private let pscom = VersionOffer(lowest: 0x200, highest: 0x200, handfast: nil)
    private let info = ConnectionInfo(
        origin: .tcp(port: 5000), node: 0x7f00_0001, rank: 0, connectionID: 1, name: WireName("rank0"))

    private func starter(_ transports: [UInt32]) -> Handshake {
        Handshake(startingAs: info, version: ours, peerInfo: PeerInfo(), transports: transports)
    }

    /// An answerer that knows its peer and waits for a proposal.
    private func answerer(to version: VersionOffer, _ transports: [UInt32]) -> Handshake {
        var handshake = Handshake(answeringWith: ours, peerInfo: nil)
        _ = handshake.handle(.opened)
        _ = handshake.handle(.received(.version(version)))
        _ = handshake.handle(.received(.connectionInfo(info)))
        _ = handshake.handle(.peerAccepted(as: info, transports: transports, refusals: [:]))
        return handshake
    }

    @Test func `starts with everything in one flight`() {
        var handshake = starter([103])
        #expect(
            handshake.handle(.opened) == [
                .send(.version(ours)), .send(.peerInfo(PeerInfo())), .send(.connectionInfo(info)),
                .send(.transportRequest(103)), .beginAttempt(transport: 103),
            ])
        #expect(handshake.handle(.attemptAccepted) == [.send(.transportAccepted)])
    }

    @Test func `calls transports by their names where this side knows them`() {
        var handshake = Handshake(
            startingAs: info, version: ours, peerInfo: nil, transports: [0x4801, 103], transportNames: [0x4801: "shm"])
        _ = handshake.handle(.opened)
        _ = handshake.handle(.received(.version(ours)))
        _ = handshake.handle(.received(.connectionInfo(info)))
        #expect(handshake.waitingFor == "this side's verdict on transport shm")
        _ = handshake.handle(.attemptRefused(Refusal(.resources, "no memory")))
        _ = handshake.handle(.received(.transportRefused(nil)))
        #expect(handshake.waitingFor == "this side's verdict on transport 103")
        _ = handshake.handle(.attemptAccepted)
        let text =
            "no common transport: shm refused by the starter (no memory);"
            + " 103 refused by the answerer (no reason given)"
        #expect(
            handshake.handle(.received(.transportRefused(nil))).contains(
                .send(.reject(Rejection(.noCommonTransport, text)))))
    }

    @Test func `asks for the connection held ready when it starts on demand`() {
        var handshake = Handshake(
            startingAs: info, onDemand: true, version: ours, peerInfo: nil, transports: [103])
        #expect(
            handshake.handle(.opened) == [
                .send(.version(ours)), .send(.connectionInfoOnDemand(info)), .send(.transportRequest(103)),
                .beginAttempt(transport: 103),
            ])
    }

    @Test func `that is abandoned ends its attempt once and says nothing more`() {
        var handshake = starter([103])
        _ = handshake.handle(.opened)
        #expect(handshake.handle(.abandoned) == [.abandonAttempt(transport: 103), .fail(.abandoned)])
        #expect(handshake.handle(.abandoned) == [])
        #expect(handshake.handle(.streamEnded) == [])
        #expect(handshake.decisions.map(\.outcome) == [.unfinished])
    }

    @Test func `with a pscom server ends in TCP after its bare refusal of another transport`() {
        var handshake = starter([0x4801, 103])
        _ = handshake.handle(.opened)
        _ = handshake.handle(.attemptStep(number: 1, payload: [1]))
        _ = handshake.handle(.received(.version(pscom)))
        _ = handshake.handle(.received(.connectionInfo(info)))
        #expect(
            handshake.handle(.received(.transportRefused(nil))) == [
                .abandonAttempt(transport: 0x4801), .send(.transportRequest(103)), .beginAttempt(transport: 103),
            ])
        _ = handshake.handle(.attemptAccepted)
        #expect(handshake.handle(.received(.transportAccepted)) == [.completeAttempt(transport: 103)])
        #expect(handshake.decisions.map(\.outcome) == [.refusedByPeer(nil), .chosen])
    }

    @Test func `with a pscom client refuses what it does not know and takes TCP`() {
        var handshake = answerer(to: pscom, [103])
        let unknown = handshake.handle(.received(.transportRequest(104)))
        #expect(unknown.count == 1)
        // What the client sent for it in the meantime is of no interest any more.
        #expect(handshake.handle(.received(.step(number: 1, payload: [0]))) == [])
        #expect(handshake.handle(.received(.transportRequest(103))) == [.beginAttempt(transport: 103)])
        #expect(handshake.handle(.received(.transportAccepted)) == [])
        #expect(
            handshake.handle(.attemptAccepted) == [.send(.transportAccepted), .completeAttempt(transport: 103)])
    }

    @Test func `answers a pscom client that takes back its proposal`() {
        var handshake = answerer(to: pscom, [104, 103])
        _ = handshake.handle(.received(.transportRequest(104)))
        #expect(
            handshake.handle(.received(.transportRefused(nil))) == [
                .send(.transportRefused(Refusal(.unreachable, "the peer refused first"))),
                .abandonAttempt(transport: 104),
            ])
        #expect(handshake.handle(.received(.transportRequest(103))) == [.beginAttempt(transport: 103)])
    }

    @Test func `fails with the reason when it must take back a proposal to a pscom server`() {
        let refusal = Refusal(.resources, "no descriptor left")
        var handshake = starter([0x4801, 103])
        _ = handshake.handle(.opened)
        #expect(handshake.handle(.attemptRefused(refusal)) == [])
        #expect(
            handshake.handle(.received(.version(pscom))) == [
                .abandonAttempt(transport: 0x4801), .fail(.refusedAfterProposal(transport: 0x4801, refusal)),
            ])
    }

    @Test func `keeps the rule of one verdict with a Handfast peer`() {
        var handshake = starter([0x4801, 103])
        _ = handshake.handle(.opened)
        _ = handshake.handle(.received(.version(ours)))
        _ = handshake.handle(.received(.connectionInfo(info)))
        let refusal = Refusal(.unreachable, "other host")
        #expect(
            handshake.handle(.attemptRefused(refusal)) == [
                .send(.transportRefused(refusal)), .abandonAttempt(transport: 0x4801),
            ])
        #expect(
            handshake.handle(.received(.transportAccepted)) == [
                .send(.transportRequest(103)), .beginAttempt(transport: 103),
            ])
        #expect(handshake.handle(.received(.transportAccepted)) == [])
        guard case .send(.reject(let rejection))? = handshake.handle(.received(.transportRefused(nil))).first else {
            Issue.record("a second verdict is accepted")
            return
        }
        #expect(rejection.code == .protocolViolation)
    }

    @Test func `tells both ranges when no dialect is common`() {
        var handshake = Handshake(answeringWith: ours, peerInfo: nil)
        _ = handshake.handle(.opened)
        let rejection = Rejection(.version, "no common dialect: 0x200 to 0x300 here, 0x400 to 0x500 at the peer")
        let newer = VersionOffer(lowest: 0x400, highest: 0x500, handfast: nil)
        #expect(
            handshake.handle(.received(.version(newer))) == [.send(.reject(rejection)), .fail(.rejected(rejection))])
    }

    @Test func `tells the peer's user what became of every transport`() {
        var handshake = starter([103])
        _ = handshake.handle(.opened)
        _ = handshake.handle(.received(.version(ours)))
        _ = handshake.handle(.received(.connectionInfo(info)))
        let actions = handshake.handle(.received(.transportRefused(Refusal(.excluded, "^tcp"))))
        let rejection = Rejection(.noCommonTransport, "no common transport: 103 refused by the answerer (^tcp)")
        #expect(actions.suffix(2) == [.send(.reject(rejection)), .fail(.rejected(rejection))])
    }

    @Test(arguments: [
        PreconMessage.transportRequest(103), .transportRefused(nil), .transportAccepted,
        .step(number: 1, payload: []), .backAcknowledgement, .endOfMessages, .peerInfo(PeerInfo()),
    ])
    func `refuses a peer that begins with anything but VERSION`(message: PreconMessage) {
        var handshake = Handshake(answeringWith: ours, peerInfo: nil)
        _ = handshake.handle(.opened)
        let text = "\(message.name) came while waiting for VERSION"
        let rejection = Rejection(.protocolViolation, text)
        #expect(handshake.handle(.received(message)) == [.send(.reject(rejection)), .fail(.rejected(rejection))])
    }

    @Test func `refuses CON_INFO when it comes twice`() {
        var handshake = answerer(to: pscom, [103])
        let rejection = Rejection(.protocolViolation, "CON_INFO came while waiting for ARCH_REQ")
        #expect(
            handshake.handle(.received(.connectionInfo(info))) == [
                .send(.reject(rejection)), .fail(.rejected(rejection)),
            ])
    }

    @Test func `takes 64 messages and no more`() {
        var handshake = answerer(to: pscom, [])
        // Two have come already; a pscom peer may propose again after each refusal.
        for _ in 3...Handshake.maximumMessageCount {
            #expect(handshake.handle(.received(.transportRequest(7))).count == 1)
        }
        #expect(handshake.handle(.received(.transportRequest(7))).count == 2)
        #expect(handshake.isOver)
    }

    @Test func `ends at its deadline and says what had not come`() {
        var handshake = starter([103])
        _ = handshake.handle(.opened)
        let actions = handshake.handle(.deadlinePassed)
        #expect(actions.last == .fail(.deadlinePassed(waitingFor: "VERSION")))
        #expect(actions.contains(.abandonAttempt(transport: 103)))
        #expect(handshake.handle(.streamEnded) == [])
    }

    @Test func `passes on why the peer closes`() {
        var handshake = starter([103])
        _ = handshake.handle(.opened)
        let rejection = Rejection(.busy, "128 handshakes under way")
        #expect(
            handshake.handle(.received(.reject(rejection))) == [
                .abandonAttempt(transport: 103), .fail(.rejectedByPeer(rejection)),
            ])
    }
}
