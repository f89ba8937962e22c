import Handfast
import Precon
import Testing

/// What a peer of dialect 0x0200 may send after a good handshake.
@Suite struct `On the data path` {
    /// An endpoint with a good peer, and a raw one that is connected over TCP.
    private struct Scene {
        let log = LogCapture()
        let pair: EndpointPair
        let near: Connection
        let far: Connection
        let raw: RawPeer
        let bad: Connection

        init(_ more: [String: String] = [:]) throws {
            pair = try EndpointPair("tcp", more, logger: log.logger)
            (near, far) = try pair.connect()
            raw = try RawPeer(try #require(pair.far.address))
            raw.send(.pscomVersion, .pscomInfo, .transportRequest(103), .transportAccepted)
            var accepted: Connection?
            let (raw, pair) = (raw, pair)
            pair.run("the raw peer is connected") {
                raw.poll()
                accepted = accepted ?? pair.far.accept()
                return accepted != nil && raw.messages.last == .transportAccepted
            }
            bad = try #require(accepted)
        }
    }

    private func header(_ kind: UInt8, userHeader: Int, payload: Int) -> [UInt8] {
        [UInt8(userHeader & 0xff), UInt8(userHeader >> 8), kind]
            + (0..<5).map { UInt8(truncatingIfNeeded: payload >> (8 * $0)) }
    }

    @Test func `a pscom peer's messages arrive, and ours reach it`() throws {
        let scene = try Scene()
        let (room, headerRoom) = (Payload(byteCount: 3), Payload(byteCount: 12))
        let receive = try scene.pair.far.receive(into: room.mutable, header: headerRoom.mutable, from: scene.bad)
        scene.raw.send(header(0, userHeader: 12, payload: 3) + Array(1...12) + [7, 8, 9])
        let completion = try scene.pair.finish(receive)
        #expect(completion.headerByteCount == 12)
        #expect(Array(headerRoom.bytes) == Array(1...12))
        #expect(Array(room.bytes) == [7, 8, 9])
        let before = scene.raw.received.count
        _ = try scene.pair.finish(try scene.bad.send(room.bytes, header: headerRoom.bytes))
        scene.pair.run("the answer") {
            scene.raw.poll()
            return scene.raw.received.count == before + 8 + 12 + 3
        }
        #expect(
            Array(scene.raw.received.dropFirst(before)) == header(0, userHeader: 12, payload: 3) + Array(1...12) + [
                7, 8, 9,
            ])
        // Its goodbye is answered with ours.
        scene.raw.send(header(8, userHeader: 0, payload: 0))
        scene.pair.run("the goodbye") {
            scene.raw.poll()
            return scene.raw.hasEnded && scene.bad.state == .closed
        }
        #expect(Array(scene.raw.received.suffix(8)) == header(8, userHeader: 0, payload: 0))
        #expect(scene.bad.error?.code == .closed)
    }

    @Test(arguments: Array(1...3) + Array(6...7) + Array(9...20) + [255] as [UInt8])
    func `a kind that is not served is passed over, however it is cut`(kind: UInt8) throws {
        let scene = try Scene()
        let room = Payload(byteCount: 1)
        let receive = try scene.pair.far.receive(into: room.mutable, from: scene.bad)
        scene.raw.send(header(kind, userHeader: 5, payload: 9))
        for part in [[1, 2], [3, 4, 5, 1, 2, 3], [4, 5, 6, 7, 8, 9]] as [[UInt8]] {
            for _ in 0..<50 { scene.pair.driveBoth() }
            scene.raw.send(part)
        }
        scene.raw.send(header(0, userHeader: 0, payload: 1) + [42])
        _ = try scene.pair.finish(receive)
        #expect(room.bytes[0] == 42)
    }

    @Test func `a length of almost 2^40 costs no memory and stops only its own connection`() throws {
        let scene = try Scene()
        scene.raw.send(header(0, userHeader: 0, payload: (1 << 40) - 1) + Array(repeating: 1, count: 3_000))
        for _ in 0..<2_000 { scene.pair.driveBoth() }
        try scene.pair.pingPong(scene.near, scene.far)
        #expect(scene.bad.state == .connected)
        // A receive with a little room takes the beginning, and the rest is passed over as it comes.
        let room = Payload(byteCount: 2_000)
        let receive = try scene.pair.far.receive(into: room.mutable, from: scene.bad)
        scene.pair.run("the beginning has come") { room.bytes.last == 1 }
        #expect(!receive.isComplete)
        scene.bad.close()
        scene.pair.run("it is closed") { receive.isComplete }
        try scene.pair.pingPong(scene.near, scene.far)
    }

    @Test(
        arguments: [
            ("a rendezvous of too few bytes", 4, 31, 0), ("a rendezvous with a payload", 4, 32, 1),
            ("a rendezvous over a stream", 4, 32, 0), ("the end of a rendezvous that nobody began", 5, 8, 0),
            ("the end of a rendezvous of too few bytes", 5, 7, 0),
        ] as [(String, UInt8, Int, Int)])
    func `a broken rule ends that connection`(what: String, kind: UInt8, userHeader: Int, payload: Int) throws {
        let scene = try Scene()
        scene.raw.send(
            header(kind, userHeader: userHeader, payload: payload) + Array(repeating: 0, count: userHeader + payload))
        scene.pair.run("it is closed") {
            scene.raw.poll()
            return scene.raw.hasEnded && scene.bad.state == .closed
        }
        #expect(scene.bad.error?.code == .rejected, "\(what)")
        #expect(
            scene.log.lines.contains { $0.contains(scene.raw.name) && $0.contains("rendezvous") }, "\(scene.log.lines)")
        try scene.pair.pingPong(scene.near, scene.far)
    }

    @Test(arguments: [11, 12, 13] as [UInt64])
    func `random bytes never harm the others`(seed: UInt64) throws {
        let scene = try Scene(["HANDFAST_UNEXPECTED_BYTES": "64k"])
        scene.raw.send(Payload(byteCount: 60_000, seed: seed).copy)
        for _ in 0..<500 { scene.pair.driveBoth() }
        try scene.pair.pingPong(scene.near, scene.far)
    }
}
