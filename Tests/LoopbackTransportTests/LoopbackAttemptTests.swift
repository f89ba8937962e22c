import LoopbackTransport
import Testing
import TransportAPI

@Suite struct `A loopback attempt` {
    private let transport = LoopbackTransport()
    private let ownSelf = PeerDescription(name: "self", address: [127, 0, 0, 1], isLocal: true, isSelf: true)

    private func makeToken(_ starter: any TransportAttempt) throws -> [UInt8] {
        guard case .step(number: 1, let token) = try starter.advance(step: nil) else {
            Issue.record("no step 1")
            return []
        }
        return token
    }

    private func expectRefusal(_ code: TransportRefusal.Code, _ body: () throws -> Void) {
        #expect { try body() } throws: { error in (error as? TransportRefusal)?.code == code }
    }

    @Test func `with another endpoint is refused in a sentence`() {
        let other = PeerDescription(name: "rank7", address: [127, 0, 0, 1], isLocal: true)
        #expect {
            try transport.makeAttempt(.starter, with: other)
        } throws: { error in
            let refusal = error as? TransportRefusal
            return refusal?.code == .unreachable && refusal?.text.contains("the peer is another") == true
        }
    }

    @Test func `accepts on both sides once the answerer has found the starter`() throws {
        let starter = try transport.makeAttempt(.starter, with: ownSelf)
        let answerer = try transport.makeAttempt(.answerer, with: ownSelf)
        let token = try makeToken(starter)
        #expect(try answerer.advance(step: nil) == .wait)
        #expect(try starter.advance(step: nil) == .wait)
        #expect(try answerer.advance(step: token) == .accepted)
        #expect(try starter.advance(step: nil) == .accepted)
    }

    @Test(arguments: [[], [0], [UInt8](repeating: 7, count: 16), [UInt8](repeating: 7, count: 65_536)])
    func `refuses a token that nobody waits for`(token: [UInt8]) throws {
        let answerer = try transport.makeAttempt(.answerer, with: ownSelf)
        expectRefusal(.malformedStep) { _ = try answerer.advance(step: token) }
    }

    @Test func `lets a token be used once, and only while its starter lives`() throws {
        var starter: (any TransportAttempt)? = try transport.makeAttempt(.starter, with: ownSelf)
        let token = try starter.map(makeToken) ?? []
        let first = try transport.makeAttempt(.answerer, with: ownSelf)
        let second = try transport.makeAttempt(.answerer, with: ownSelf)
        #expect(try first.advance(step: token) == .accepted)
        expectRefusal(.malformedStep) { _ = try second.advance(step: token) }

        starter = try transport.makeAttempt(.starter, with: ownSelf)
        let lost = try starter.map(makeToken) ?? []
        starter = nil
        let third = try transport.makeAttempt(.answerer, with: ownSelf)
        expectRefusal(.malformedStep) { _ = try third.advance(step: lost) }
    }

    @Test func `refuses a step to the starter`() throws {
        let starter = try transport.makeAttempt(.starter, with: ownSelf)
        _ = try makeToken(starter)
        expectRefusal(.malformedStep) { _ = try starter.advance(step: [1]) }
    }
}
