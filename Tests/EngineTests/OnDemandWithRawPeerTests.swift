import Handfast
import Precon
import Testing

/// On demand with a peer that speaks only 0x0200 and is played by the test: each row of the table of who connects.
@Suite struct `A connection on demand with a peer of dialect 0x0200` {
    /// "middle", which the peer is lower or higher than, and whoever plays the peer.
    private struct Scene {
        let log = LogCapture()
        let pair: EndpointPair
        let listener = SilentListener()
        let peerName: String
        let connection: Connection

        init(_ peerName: String) throws {
            self.peerName = peerName
            pair = try EndpointPair(
                definitions: definitions, near: [:], far: ["HANDFAST_TRANSPORTS": "tcp"], logger: log.logger,
                names: ("unused", "middle"))
            connection = try pair.far.connect(to: "127.0.0.1:\(listener.port)@\(peerName)", mode: .onDemand)
        }

        var info: ConnectionInfo {
            ConnectionInfo(
                origin: .tcp(port: Int32(listener.port)), node: 0x7f00_0001, rank: -1, connectionID: 1,
                name: WireName(peerName))
        }

        func accepted() throws -> RawPeer {
            var raw: RawPeer?
            pair.run("a stream has come") {
                raw = listener.accept()
                return raw != nil
            }
            return try #require(raw)
        }

        func connect() throws -> RawPeer { try RawPeer(try #require(pair.far.address)) }

        /// Drives the endpoint until the peer holds the whole first flight of a connect on demand.
        func readFirstFlight(_ raw: RawPeer) {
            pair.run("the first flight is there") {
                raw.poll()
                return raw.messages.last == .transportAccepted
            }
            #expect(raw.messages.contains { if case .connectionInfoOnDemand = $0 { true } else { false } })
        }

        /// The rest of the handshake, as a pscom process answers.
        func answer(_ raw: RawPeer) {
            raw.send(.pscomVersion, .connectionInfo(info), .transportAccepted)
        }

        /// The first flight of a pscom process.
        func begin(_ raw: RawPeer) {
            raw.send(.pscomVersion, .connectionInfoOnDemand(info), .transportRequest(103), .transportAccepted)
        }

        /// What was sent while nothing was connected, in order, and a message back.
        func checkTraffic(_ raw: RawPeer, sent: [Payload], _ sends: [Request]) throws {
            for send in sends { _ = try pair.finish(send) }
            let expected = sent.flatMap { dataHeader(0, userHeader: 0, payload: $0.copy.count) + $0.copy }
            pair.run("the messages are there") {
                raw.poll()
                return raw.received.count >= expected.count && raw.received.suffix(expected.count) == expected[...]
            }
            let (payload, room) = (Payload(byteCount: 7, seed: 9), Payload(byteCount: 7))
            let receive = try pair.far.receive(into: room.mutable, from: connection)
            raw.send(dataHeader(0, userHeader: 0, payload: 7) + payload.copy)
            _ = try pair.finish(receive)
            #expect(room == payload)
            #expect(connection.state == .connected)
            #expect(pair.far.takeEvent() == nil)
            #expect(log.lines.isEmpty, "\(log.lines)")
        }
    }

    private let payloads = (0..<3).map { Payload(byteCount: 5, seed: $0) }

    @Test(arguments: ["aaa", "zzz"])
    func `is made by this side when it sends first`(name: String) throws {
        let scene = try Scene(name)
        let sends = try payloads.map { try scene.connection.send($0.bytes) }
        let raw = try scene.accepted()
        scene.readFirstFlight(raw)
        scene.answer(raw)
        try scene.checkTraffic(raw, sent: payloads, sends)
        #expect(scene.listener.accept() == nil, "one stream is enough")
    }

    @Test(arguments: [true, false])
    func `is the lower peer's, which closes this side's without a word when both connect`(isFirst: Bool) throws {
        let scene = try Scene("aaa")
        let sends = try payloads.map { try scene.connection.send($0.bytes) }
        var refused: RawPeer? = try scene.accepted()
        try scene.readFirstFlight(#require(refused))
        let raw: RawPeer
        if isFirst {
            refused = nil
            raw = try scene.connect()
            scene.begin(raw)
        } else {
            raw = try scene.connect()
            scene.begin(raw)
            refused = nil
        }
        scene.pair.run("the peer's is taken") {
            raw.poll()
            return raw.messages.contains(.transportAccepted)
        }
        try scene.checkTraffic(raw, sent: payloads, sends)
        #expect(scene.listener.accept() == nil, "the peer was awaited")
    }

    @Test(arguments: ["aaa", "zzz"])
    func `stays when the peer's own connect comes late, which is told to come again and is no news`(name: String) throws
    {
        let scene = try Scene(name)
        let first = try scene.connection.send(payloads[0].bytes)
        let raw = try scene.accepted()
        scene.readFirstFlight(raw)
        scene.answer(raw)
        scene.pair.run("it is connected") { scene.connection.state == .connected }
        let late = try scene.connect()
        scene.begin(late)
        scene.pair.run("the second is refused") {
            late.poll()
            return late.hasEnded
        }
        #expect(late.wasRejected)
        try scene.checkTraffic(raw, sent: [payloads[0]], [first])
        // One may have crossed it; another comes for a reason.
        let another = try scene.connect()
        scene.begin(another)
        scene.pair.run("the third is told of") { !scene.log.lines.isEmpty }
        #expect(scene.log.lines[0].contains("the last connection with \(name) has not ended yet"), "\(scene.log.lines)")
    }

    @Test func `is this side's, which is the lower, although the higher asks at the same time`() throws {
        let scene = try Scene("zzz")
        let sends = try payloads.map { try scene.connection.send($0.bytes) }
        let asking = try scene.connect()
        asking.send(.backConnect(scene.info))
        let raw = try scene.accepted()
        scene.readFirstFlight(raw)
        scene.answer(raw)
        scene.pair.run("it is acknowledged") {
            asking.poll()
            return asking.hasEnded
        }
        #expect(asking.messages == [.backAcknowledgement])
        try scene.checkTraffic(raw, sent: payloads, sends)
        #expect(scene.listener.accept() == nil, "it was on its way already")
    }

    @Test(arguments: ["aaa", "zzz"])
    func `is made when the peer asks for it by BACK_CONNECT, and answers in its dialect`(name: String) throws {
        let scene = try Scene(name)
        let asking = try scene.connect()
        asking.send(.backConnect(scene.info))
        let raw = try scene.accepted()
        scene.readFirstFlight(raw)
        scene.answer(raw)
        let sends = try payloads.map { try scene.connection.send($0.bytes) }
        try scene.checkTraffic(raw, sent: payloads, sends)
        asking.poll()
        #expect(asking.messages == [.backAcknowledgement])
    }
}
