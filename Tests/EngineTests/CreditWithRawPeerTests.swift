import Handfast
import Precon
import Testing

/// With a peer that counts credit, and counts wrong.
@Suite struct `Credit with a raw peer` {
    private static let exponent = 12

    private func scene(_ more: [String: String] = [:]) throws -> RawScene {
        try RawScene(
            more,
            version: .version(
                VersionOffer(
                    lowest: 0x200, highest: 0x300,
                    handfast: .init(
                        features: VersionOffer.Extension.rendezvousByMessages
                            | VersionOffer.Extension.credit(exponent: Self.exponent),
                        incarnation: 1, nonce: .init(high: 2, low: 3)))))
    }

    private func give(_ byteCount: UInt64) -> [UInt8] {
        dataHeader(71, userHeader: 8, payload: 0) + littleEndian(byteCount)
    }

    private func message(_ byteCount: Int) -> [UInt8] {
        dataHeader(0, userHeader: 0, payload: byteCount) + [UInt8](repeating: 7, count: byteCount)
    }

    @Test func `is kept to: small messages go out while any is left, then none until there is more`() throws {
        let scene = try scene()
        let payload = Payload(byteCount: 872)
        // 1,000 each, so the fifth is the last.
        let sends = try (0..<8).map { _ in try scene.bad.send(payload.bytes) }
        scene.receive(byteCount: 5 * 880)
        for _ in 0..<100 { scene.pair.driveBoth() }
        scene.raw.poll()
        #expect(scene.received.count == 5 * 880)
        #expect(sends.map(\.isComplete) == [true, true, true, true, true, false, false, false])
        scene.raw.send(give(905))
        scene.receive(byteCount: 6 * 880)
        for _ in 0..<100 { scene.pair.driveBoth() }
        scene.raw.poll()
        #expect(scene.received.count == 6 * 880, "one byte of credit is enough for one")
        scene.raw.send(give(1_000_000))
        scene.receive(byteCount: 8 * 880)
        #expect(!sends.map(\.isComplete).contains(false))
        withExtendedLifetime(payload) {}
    }

    @Test func `that is too little for a large message sends its header alone`() throws {
        let scene = try scene()
        let payload = Payload(byteCount: 5_000)
        let send = try scene.bad.send(payload.bytes)
        scene.receive(byteCount: 40)
        #expect(scene.received.starts(with: dataHeader(4, userHeader: 32, payload: 0)))
        #expect(!send.isComplete)
        withExtendedLifetime(payload) {}
    }

    @Test func `is given back when half of it is used`() throws {
        let scene = try scene(["HANDFAST_UNEXPECTED_BYTES": "4k"])
        let room = Payload(byteCount: 872)
        for _ in 0..<3 {
            let receive = try scene.pair.far.receive(into: room.mutable, from: scene.bad)
            scene.raw.send(message(872))
            _ = try scene.pair.finish(receive)
        }
        scene.receive(byteCount: 16)
        #expect(scene.received == give(3_000))
    }

    @Test func `grows where there is room`() throws {
        let scene = try scene()
        let room = Payload(byteCount: 40_000)
        let receive = try scene.pair.far.receive(into: room.mutable, from: scene.bad)
        scene.raw.send(message(40_000))
        _ = try scene.pair.finish(receive)
        scene.receive(byteCount: 16)
        // What was used, and as much again as it began with.
        #expect(scene.received == give(UInt64(40_000 + 128 + 65_536)))
    }

    /// What ends the connection with which word.
    private static let faults: [(String, String, [[UInt8]])] = [
        ("a message that it had no credit for", "a large message", [dataHeader(0, userHeader: 0, payload: 70_000)]),
        (
            "a message that it had no credit for", "small ones without end",
            Array(repeating: dataHeader(0, userHeader: 0, payload: 900) + [UInt8](repeating: 1, count: 900), count: 80)
        ),
        (
            "a message that it had no credit for", "headers without end",
            (0..<1_000).map {
                dataHeader(4, userHeader: 32, payload: 0) + dataHeader(0, userHeader: 0, payload: 1 << 30)
                    + littleEndian(UInt64($0), 1 << 63 | UInt64($0) << 40, 1 << 30)
            }
        ),
        (
            "more credit than is allowed", "too much at once",
            [dataHeader(71, userHeader: 8, payload: 0) + littleEndian(1 << 40)]
        ),
        (
            "more credit than is allowed", "too much bit by bit",
            Array(repeating: dataHeader(71, userHeader: 8, payload: 0) + littleEndian(1 << 29), count: 3)
        ),
        ("of credit of the wrong size", "a short one", [dataHeader(71, userHeader: 4, payload: 0) + [1, 0, 0, 0]]),
        (
            "of credit of the wrong size", "one with a payload",
            [dataHeader(71, userHeader: 8, payload: 1) + littleEndian(1) + [0]]
        ),
    ]

    @Test(arguments: faults.indices) func `that is broken ends its connection alone`(index: Int) throws {
        let (word, what, messages) = Self.faults[index]
        let scene = try scene(["HANDFAST_UNEXPECTED_BYTES": "256k"])
        for message in messages {
            scene.raw.send(message)
            scene.pair.driveBoth()
        }
        try scene.expectViolation(word, "\(what)")
    }

    @Test func `means nothing from a peer that does not count it`() throws {
        let scene = try RawScene()
        let room = Payload(byteCount: 5)
        let receive = try scene.pair.far.receive(into: room.mutable, from: scene.bad)
        scene.raw.send(give(1 << 50) + message(5))
        _ = try scene.pair.finish(receive)
        #expect(Array(room.bytes) == [7, 7, 7, 7, 7])
    }

    @Test func `ends when it refuses a payload that it has asked for`() throws {
        let scene = try scene(["HANDFAST_RENDEZVOUS_BYTES": "1k"])
        let payload = Payload(byteCount: 30_000_000)
        let send = try scene.bad.send(payload.bytes)
        scene.receive(byteCount: 40)
        let (number, handle) = (Array(scene.received[16..<24]), Array(scene.received[24..<32]))
        scene.raw.send(
            dataHeader(2, userHeader: 24, payload: 0) + littleEndian(1) + handle + littleEndian(30_000_000)
                + dataHeader(72, userHeader: 8, payload: 0) + number)
        try scene.expectViolation("while it was being answered", "refused")
        #expect(throws: HandfastError.self) { try send.result() }
        withExtendedLifetime(payload) {}
    }
}
