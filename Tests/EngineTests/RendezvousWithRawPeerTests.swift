import Handfast
import Testing

/// With a peer that believes addresses, as pscom does, or that lies.
@Suite struct `A rendezvous with a raw peer` {
    private static let threshold = ["HANDFAST_RENDEZVOUS_BYTES": "pscom=1k"]
    private static let pieceByteCount = 1 << 20

    /// A rendezvous request without a user header.
    private func announce(_ number: UInt64, _ address: UInt64, _ byteCount: Int) -> [UInt8] {
        dataHeader(4, userHeader: 32, payload: 0) + dataHeader(0, userHeader: 0, payload: byteCount)
            + littleEndian(number, address, UInt64(byteCount))
    }

    private func ask(_ number: UInt64, _ address: UInt64, _ byteCount: Int) -> [UInt8] {
        dataHeader(2, userHeader: 24, payload: 0) + littleEndian(number, address, UInt64(byteCount))
    }

    @Test func `as sender is asked for its address in pieces, and told the end`() throws {
        let scene = try RawScene()
        let (byteCount, address) = (Self.pieceByteCount + 1_000, UInt64(0x7f12_3456_7890))
        let sent = Payload(byteCount: byteCount, seed: 1)
        let room = Payload(byteCount: byteCount)
        let receive = try scene.pair.far.receive(into: room.mutable, from: scene.bad)
        scene.raw.send(announce(77, address, byteCount))
        scene.receive(byteCount: 64)
        #expect(
            scene.received == ask(1, address, Self.pieceByteCount)
                + ask(
                    2, address + UInt64(Self.pieceByteCount), 1_000))
        for (number, range) in [(1, 0..<Self.pieceByteCount), (2, Self.pieceByteCount..<byteCount)] {
            scene.raw.send(dataHeader(3, userHeader: 8, payload: range.count) + littleEndian(UInt64(number)))
            for start in stride(from: range.lowerBound, to: range.upperBound, by: 4_096) {
                scene.raw.send(Array(sent.bytes[start..<min(start + 4_096, range.upperBound)]))
                scene.pair.driveBoth()
            }
        }
        _ = try scene.pair.finish(receive)
        #expect(room == sent)
        scene.receive(byteCount: 80)
        #expect(Array(scene.received.suffix(16)) == dataHeader(5, userHeader: 8, payload: 0) + littleEndian(77))
    }

    @Test func `is asked for what fits and no more`() throws {
        let scene = try RawScene()
        let room = Payload(byteCount: 10)
        let receive = try scene.pair.far.receive(into: room.mutable, from: scene.bad)
        scene.raw.send(announce(5, 4_096, 1 << 30))
        scene.receive(byteCount: 32)
        #expect(scene.received == ask(1, 4_096, 10))
        scene.raw.send(dataHeader(3, userHeader: 8, payload: 10) + littleEndian(1) + Array(1...10))
        scene.pair.run("it has come") { receive.isComplete }
        let error = #expect(throws: HandfastError.self) { try receive.result() }
        #expect(error?.code == .truncated)
        #expect(Array(room.bytes) == Array(1...10))
    }

    @Test func `as receiver gets the whole by one request`() throws {
        let scene = try RawScene(Self.threshold)
        let payload = Payload(byteCount: 300_000, seed: 7)
        let send = try scene.bad.send(payload.bytes)
        scene.receive(byteCount: 40)
        #expect(Array(scene.received.prefix(16)) == Array(announce(0, 0, 300_000).prefix(16)))
        let (number, handle) = (Array(scene.received[16..<24]), Array(scene.received[24..<32]))
        scene.raw.send(
            dataHeader(2, userHeader: 24, payload: 0) + littleEndian(0xabc) + handle + littleEndian(300_000))
        scene.receive(byteCount: 40 + 16 + 300_000)
        let answer = scene.received.dropFirst(40)
        #expect(Array(answer.prefix(16)) == dataHeader(3, userHeader: 8, payload: 300_000) + littleEndian(0xabc))
        #expect(answer.dropFirst(16).elementsEqual(payload.copy))
        #expect(!send.isComplete)
        scene.raw.send(dataHeader(5, userHeader: 8, payload: 0) + number)
        _ = try scene.pair.finish(send)
    }

    @Test func `is not begun unless asked for`() throws {
        let scene = try RawScene(["HANDFAST_RENDEZVOUS_BYTES": "1k"])
        let payload = Payload(byteCount: 5_000, seed: 7)
        _ = try scene.pair.finish(try scene.bad.send(payload.bytes))
        scene.receive(byteCount: 5_008)
        #expect(Array(scene.received.prefix(8)) == dataHeader(0, userHeader: 0, payload: 5_000))
    }

    @Test(
        arguments: [
            ("another message", 1 << 40, 0, 8), ("another bit", 1 << 62, 0, 8), ("an address", 1 << 63, 0, 8),
            ("an offset behind the end", 0, 5_001, 0), ("an offset far away", 0, (1 << 40) - 1, 1),
            ("one byte too much", 0, 1, 5_000), ("all there is", 0, 0, UInt64.max), ("a wrap", 0, 2, UInt64.max - 1),
        ] as [(String, UInt64, UInt64, UInt64)])
    func `ends when it asks for what was not offered`(
        what: String, changed: UInt64, offset: UInt64, byteCount: UInt64
    ) throws {
        let scene = try RawScene(Self.threshold)
        let payload = Payload(byteCount: 5_000, seed: 7)
        let send = try scene.bad.send(payload.bytes)
        scene.receive(byteCount: 40)
        let handle = scene.received[24..<32].reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        scene.raw.send(
            dataHeader(2, userHeader: 24, payload: 0) + littleEndian(1, (handle ^ changed) + offset, byteCount))
        try scene.expectViolation("open rendezvous", "\(what)")
        #expect(scene.received.count == 40, "nothing was told")
        #expect(send.isComplete)
        #expect(throws: HandfastError.self) { try send.result() }
    }

    @Test func `ends when it asks again and again`() throws {
        let scene = try RawScene(Self.threshold)
        let payload = Payload(byteCount: 30_000_000)
        let send = try scene.bad.send(payload.bytes)
        scene.receive(byteCount: 40)
        let handle = Array(scene.received[24..<32])
        for _ in 0..<2_000 {
            scene.raw.send(
                dataHeader(2, userHeader: 24, payload: 0) + littleEndian(1) + handle + littleEndian(30_000_000))
        }
        try scene.expectViolation("more requests", "2,000 of them")
        #expect(throws: HandfastError.self) { try send.result() }
        withExtendedLifetime(payload) {}
    }

    @Test func `gets all that it asked for though it lets go meanwhile, and may ask for no more`() throws {
        let scene = try RawScene(Self.threshold)
        let payload = Payload(byteCount: 30_000_000)
        let send = try scene.bad.send(payload.bytes)
        scene.receive(byteCount: 40)
        let (number, handle) = (Array(scene.received[16..<24]), Array(scene.received[24..<32]))
        let request = dataHeader(2, userHeader: 24, payload: 0) + littleEndian(1) + handle + littleEndian(30_000_000)
        let before = scene.raw.received.count
        scene.raw.send(request + dataHeader(5, userHeader: 8, payload: 0) + number)
        for _ in 0..<100 { scene.pair.driveBoth() }
        #expect(!send.isComplete, "its memory is still being sent")
        scene.pair.run("the whole answer") {
            scene.raw.poll()
            return scene.raw.received.count >= before + 16 + 30_000_000
        }
        scene.pair.run("it is over") { send.isComplete }
        #expect(try send.result()?.byteCount == 30_000_000)
        scene.raw.send(request)
        try scene.expectViolation("open rendezvous", "it was over")
        withExtendedLifetime(payload) {}
    }

    @Test(
        arguments: [
            ("to nothing", 9, 8, 10), ("of another length", 1, 8, 9), ("too long", 1, 8, 11),
            ("without a number", 1, 7, 10),
        ] as [(String, UInt64, Int, Int)])
    func `ends when its answer is`(what: String, number: UInt64, headerByteCount: Int, byteCount: Int) throws {
        let scene = try RawScene()
        let room = Payload(byteCount: 10)
        let receive = try scene.pair.far.receive(into: room.mutable, from: scene.bad)
        scene.raw.send(announce(5, 4_096, 10))
        scene.receive(byteCount: 32)
        scene.raw.send(
            dataHeader(3, userHeader: headerByteCount, payload: byteCount)
                + littleEndian(number).prefix(headerByteCount) + Array(repeating: 1, count: byteCount))
        try scene.expectViolation("not asked for", "\(what)")
        #expect(throws: HandfastError.self) { try receive.result() }
        #expect(room.bytes.allSatisfy { $0 == 0 })
    }

    @Test(arguments: [(23, 0), (25, 0), (24, 1)])
    func `ends when its request has the wrong size`(headerByteCount: Int, byteCount: Int) throws {
        let scene = try RawScene()
        scene.raw.send(
            dataHeader(2, userHeader: headerByteCount, payload: byteCount)
                + Array(repeating: 0, count: headerByteCount + byteCount))
        try scene.expectViolation("wrong size", "\(headerByteCount)")
    }
}
