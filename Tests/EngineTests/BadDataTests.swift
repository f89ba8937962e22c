import Handfast
import Testing

/// What a peer of dialect 0x0200 may send after a good handshake.
@Suite struct `On the data path` {
    @Test func `a pscom peer's messages arrive, and ours reach it`() throws {
        let scene = try RawScene()
        let (room, headerRoom) = (Payload(byteCount: 3), Payload(byteCount: 12))
        let receive = try scene.pair.far.receive(into: room.mutable, header: headerRoom.mutable, from: scene.bad)
        scene.raw.send(dataHeader(0, userHeader: 12, payload: 3) + Array(1...12) + [7, 8, 9])
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
            Array(scene.raw.received.dropFirst(before)) == dataHeader(0, userHeader: 12, payload: 3) + Array(1...12) + [
                7, 8, 9,
            ])
        // Its goodbye is answered with ours.
        scene.raw.send(dataHeader(8, userHeader: 0, payload: 0))
        scene.pair.run("the goodbye") {
            scene.raw.poll()
            return scene.raw.hasEnded && scene.bad.state == .closed
        }
        #expect(Array(scene.raw.received.suffix(8)) == dataHeader(8, userHeader: 0, payload: 0))
        #expect(scene.bad.error?.code == .closed)
    }

    @Test(arguments: [1, 6, 7] + Array(9...20) + [255] as [UInt8])
    func `a kind that is not served is passed over, however it is cut`(kind: UInt8) throws {
        let scene = try RawScene()
        let room = Payload(byteCount: 1)
        let receive = try scene.pair.far.receive(into: room.mutable, from: scene.bad)
        scene.raw.send(dataHeader(kind, userHeader: 5, payload: 9))
        for part in [[1, 2], [3, 4, 5, 1, 2, 3], [4, 5, 6, 7, 8, 9]] as [[UInt8]] {
            for _ in 0..<50 { scene.pair.driveBoth() }
            scene.raw.send(part)
        }
        scene.raw.send(dataHeader(0, userHeader: 0, payload: 1) + [42])
        _ = try scene.pair.finish(receive)
        #expect(room.bytes[0] == 42)
    }

    @Test func `a length of almost 2^40 costs no memory and stops only its own connection`() throws {
        let scene = try RawScene()
        scene.raw.send(dataHeader(0, userHeader: 0, payload: (1 << 40) - 1) + Array(repeating: 1, count: 3_000))
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
            ("the end of a rendezvous that nobody began", 5, 8, 0),
            ("the end of a rendezvous of too few bytes", 5, 7, 0),
        ] as [(String, UInt8, Int, Int)])
    func `a broken rule ends that connection`(what: String, kind: UInt8, userHeader: Int, payload: Int) throws {
        let scene = try RawScene()
        scene.raw.send(
            dataHeader(kind, userHeader: userHeader, payload: payload)
                + Array(repeating: 0, count: userHeader + payload))
        try scene.expectViolation("rendezvous", "\(what)")
    }

    @Test(arguments: [11, 12, 13] as [UInt64])
    func `random bytes never harm the others`(seed: UInt64) throws {
        let scene = try RawScene(["HANDFAST_UNEXPECTED_BYTES": "64k"])
        scene.raw.send(Payload(byteCount: 60_000, seed: seed).copy)
        for _ in 0..<500 { scene.pair.driveBoth() }
        try scene.pair.pingPong(scene.near, scene.far)
    }
}
