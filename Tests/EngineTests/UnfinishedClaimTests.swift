import Precon
import Testing

@testable import Handfast

/// Somebody comes to beta under the name of alpha, who is connected with it on demand.
@Suite struct `A claim of a peer's name` {
    private struct Scene {
        let log = LogCapture()
        let pair: EndpointPair
        let near: Connection
        let far: Connection

        init() throws {
            let environment = ["HANDFAST_TRANSPORTS": "tcp"]
            pair = try EndpointPair(
                definitions: definitions, near: environment, far: environment, logger: log.logger,
                names: ("alpha", "beta"))
            try pair.near.listen(on: IPAddress("127.0.0.1"))
            near = try pair.near.connect(to: try #require(pair.far.address), mode: .onDemand)
            far = try pair.far.connect(to: try #require(pair.near.address), mode: .onDemand)
            try pair.pingPong(near, far)
        }

        /// - Parameter incarnation: nil as of a peer that speaks only 0x0200.
        func claim(_ incarnation: UInt64?) throws -> RawPeer {
            let raw = try RawPeer(try #require(pair.far.address))
            raw.claim("alpha", incarnation)
            return raw
        }

        /// Drives all until the peer was answered.
        func awaitAnswer(to raw: RawPeer) {
            pair.run("the claim is answered") {
                raw.poll()
                return !raw.messages.isEmpty
            }
        }

        func expectNothingHasEnded() {
            #expect(near.state == .connected)
            #expect(far.state == .connected)
            #expect(pair.far.takeEvent() == nil)
            #expect(pair.near.takeEvent() == nil)
        }
    }

    @Test(arguments: [77, nil] as [UInt64?])
    func `that does not go on disturbs nothing`(incarnation: UInt64?) throws {
        let scene = try Scene()
        let (payload, room) = (Payload(byteCount: 100, seed: 1), Payload(byteCount: 100))
        let receive = try scene.pair.far.receive(into: room.mutable, from: scene.far)
        var raw: RawPeer? = try scene.claim(incarnation)
        try scene.awaitAnswer(to: #require(raw))
        scene.expectNothingHasEnded()
        raw = nil
        scene.pair.run("it is over") { scene.pair.far.pending.isEmpty }
        scene.expectNothingHasEnded()
        #expect(!receive.isComplete)
        _ = try scene.pair.finish(try scene.near.send(payload.bytes))
        _ = try scene.pair.finish(receive)
        #expect(room == payload)
    }

    @Test func `made two hundred times leaves all of the traffic as it is`() throws {
        let scene = try Scene()
        let count = 200
        let payloads = (0..<count).map { Payload(byteCount: 5_000, seed: UInt64($0)) }
        let rooms = (0..<count).map { _ in Payload(byteCount: 5_000) }
        let receives = try rooms.map { try scene.pair.far.receive(into: $0.mutable, from: scene.far) }
        for index in 0..<count {
            let raw = try scene.claim(index % 2 == 0 ? UInt64(1_000 + index) : nil)
            let send = try scene.near.send(payloads[index].bytes)
            scene.awaitAnswer(to: raw)
            _ = try scene.pair.finish(send)
        }
        for receive in receives { _ = try scene.pair.finish(receive) }
        #expect(rooms == payloads)
        scene.expectNothingHasEnded()
    }

    @Test func `without an incarnation is refused where the peer has one, and both addresses are named`() throws {
        let scene = try Scene()
        let known = try #require(scene.far.record?.peerText.split(separator: " ").first)
        let raw = try scene.claim(nil)
        scene.pair.run("it is closed") {
            raw.poll()
            return raw.hasEnded
        }
        let text = "the name alpha is used by two processes, at \(known) and at \(raw.name)"
        #expect(raw.messages == [.reject(Rejection(.duplicateName, text))])
        #expect(scene.log.lines.contains { $0.contains(text) }, "\(scene.log.lines)")
        scene.expectNothingHasEnded()
    }

    enum Kind: CaseIterable { case formerIncarnation, sameIncarnation, noIncarnation, otherName, noEnd }

    @Test(arguments: Kind.allCases)
    func `made again and again is told of once a second, with the number left out`(kind: Kind) throws {
        let scene = try Scene()
        let next = try scene.claim(77)
        scene.awaitAnswer(to: next)
        next.send(.transportRequest(103), .transportAccepted)
        scene.pair.run("it is connected") { scene.far.record?.peerIncarnation == 77 && scene.far.state == .connected }
        #expect(scene.log.toldCount == 0, "\(scene.log.lines)")
        let count = 30
        let start = ContinuousClock.now
        for number in 0..<count {
            var raw: RawPeer? = try RawPeer(try #require(scene.pair.far.address))
            switch kind {
            case .formerIncarnation: raw?.claim("alpha", scene.pair.near.engine.incarnation)
            case .sameIncarnation: raw?.claim("alpha", 77)
            case .noIncarnation: raw?.claim("alpha", nil)
            case .otherName: raw?.claim("gamma", 1)
            case .noEnd: raw?.claim("alpha", UInt64(1_000 + number))
            }
            scene.pair.run("it is answered") {
                raw?.poll()
                return raw?.messages.isEmpty == false
            }
            raw = nil
        }
        scene.pair.run("all have been told of") { scene.log.toldCount == count }
        let seconds = Int(start.duration(to: .now) / .seconds(1))
        #expect(scene.log.lines.count <= seconds + 2, "\(scene.log.lines)")
        #expect(scene.far.state == .connected)
    }

    @Test func `takes the place of a connection that ended by itself meanwhile`() throws {
        let scene = try Scene()
        let raw = try scene.claim(77)
        scene.awaitAnswer(to: raw)
        scene.near.close()
        scene.pair.run("the former connection has ended") { scene.far.state == .connecting }
        #expect(scene.pair.far.takeEvent()?.reason.code == .closed)
        raw.send(.transportRequest(103), .transportAccepted)
        scene.pair.run("the new one stands") { scene.far.state == .connected }
        #expect(scene.far.record?.peerIncarnation == 77)
        #expect(scene.pair.far.takeEvent() == nil)
    }

    @Test func `ends the connection, with a restart, when its handshake has agreed`() throws {
        let scene = try Scene()
        let receive = try scene.pair.far.receive(into: Payload.lasting(byteCount: 1).mutable, from: scene.far)
        let raw = try scene.claim(77)
        scene.awaitAnswer(to: raw)
        #expect(!receive.isComplete)
        raw.send(.transportRequest(103), .transportAccepted)
        scene.pair.run("the former one has ended") { receive.isComplete }
        #expect(#expect(throws: HandfastError.self) { try receive.result() }?.code == .peerRestarted)
        #expect(scene.pair.far.takeEvent()?.reason.code == .peerRestarted)
        #expect(scene.pair.far.takeEvent() == nil)
        #expect(scene.far.state == .connected)
        #expect(scene.far.record?.peerIncarnation == 77)
        // Who was followed is told so.
        let late = try scene.claim(scene.pair.near.engine.incarnation)
        scene.pair.run("it is refused") {
            late.poll()
            return late.hasEnded
        }
        guard case .reject(let rejection)? = late.messages.last else { throw HandfastError(.system, "no reason") }
        #expect(rejection.code == .duplicateName)
        #expect(scene.far.state == .connected)
    }

    @Test func `is refused when the user closes the connection`() throws {
        let scene = try Scene()
        var raw: RawPeer? = try scene.claim(77)
        try scene.awaitAnswer(to: #require(raw))
        scene.far.close()
        scene.pair.run("all is over") {
            raw?.poll()
            return raw?.hasEnded == true && scene.far.state == .closed && scene.near.state == .onDemand
        }
        #expect(raw?.wasRejected == true)
        raw = nil
        scene.pair.run("nothing is left") { scene.pair.far.pending.isEmpty }
    }
}
