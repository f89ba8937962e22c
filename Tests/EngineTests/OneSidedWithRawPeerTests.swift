import Handfast
import Testing

/// Byte by byte, as Documentation/Wire.md has it.
@Suite struct `One-sided operations with a raw peer` {
    private struct Target {
        let scene: RawScene
        let memory: Payload
        let region: MemoryRegion
        /// Of the key: where the fields of a message come from.
        let number: UInt64
        let nonce: UInt64

        init(permissions: MemoryPermissions = [.read, .write, .atomic], byteCount: Int = 64) throws {
            scene = try RawScene(version: .oneSidedVersion)
            memory = Payload(byteCount: byteCount)
            region = try scene.pair.far.register(memory: memory.mutable, permissions: permissions)
            let key = region.key
            number = key[4..<8].reduce(0) { $0 << 8 | UInt64($1) }
            nonce = key[8..<16].reduce(0) { $0 << 8 | UInt64($1) }
        }

        /// A message of an operation on the region, with fields behind number, region and nonce.
        func message(_ kind: UInt8, _ operation: UInt64, _ words: [UInt64], payload: [UInt8] = []) -> [UInt8] {
            dataHeader(kind, userHeader: 16 + 8 * words.count, payload: payload.count)
                + bigEndian(operation << 32 | number, nonce) + words.flatMap { bigEndian($0) } + payload
        }

        func answer(_ operation: UInt64, _ status: UInt64 = 0, _ value: UInt64 = 0, payload: [UInt8] = []) -> [UInt8] {
            dataHeader(67, userHeader: 16, payload: payload.count) + bigEndian(operation << 32 | status, value)
                + payload
        }
    }

    @Test func `are answered one by one`() throws {
        let target = try Target()
        let raw = target.scene.raw
        raw.send(target.message(64, 1, [3], payload: [7, 8, 9]))
        raw.send(target.message(64, 2, [8, 55], payload: [5]))
        raw.send(target.message(65, 3, [2, 5]))
        raw.send(target.message(66, 4, [8, 8 << 48, 6, 0]))
        raw.send(target.message(66, 5, [8, 1 << 56 | 4 << 48, 200, 0]))
        raw.send(target.message(66, 6, [8, 2 << 56 | 8 << 48, 77, 200]))
        let expected =
            target.answer(1) + target.answer(2) + target.answer(3, payload: [0, 7, 8, 9, 0])
            + target.answer(4, 0, 5) + target.answer(5, 0, 11) + target.answer(6, 0, 200)
        target.scene.receive(byteCount: expected.count)
        #expect(target.scene.received == expected)
        #expect(Array(target.memory.bytes.prefix(10)) == [0, 0, 0, 7, 8, 9, 0, 0, 77, 0])
        #expect(target.scene.pair.far.takeNotification()?.value == 55)
        #expect(target.scene.pair.far.takeNotification() == nil)
    }

    @Test func `name no address over a transport that cannot read, and believe none`() throws {
        let target = try Target()
        let raw = target.scene.raw
        raw.send(target.message(68, 1, [0, 4_096, 8, 5]))
        raw.send(target.message(69, 2, [0, 8]))
        raw.send(target.message(69, 3, [0, 65]))
        let expected = target.answer(1, 5) + target.answer(2, 5) + target.answer(3, 2)
        target.scene.receive(byteCount: expected.count)
        #expect(target.scene.received == expected)
        #expect(target.memory.bytes.allSatisfy { $0 == 0 })
        #expect(target.scene.pair.far.takeNotification() == nil)
        target.region.deregister()
        #expect(!target.region.isInUse, "nothing is held")
        raw.send(dataHeader(70, userHeader: 8, payload: 0) + bigEndian(2 << 32))
        try target.scene.expectViolation("not asked for", "the end of no get")
    }

    @Test func `are refused with a code, and touch nothing`() throws {
        let target = try Target(permissions: .read)
        let scene = target.scene
        var wrong = target.message(65, 1, [0, 8])
        wrong[20] ^= 1
        var stranger = target.message(65, 2, [0, 8])
        stranger[14] = 1
        let cases: [(message: [UInt8], status: UInt64)] = [
            (wrong, 1), (stranger, 1), (target.message(65, 3, [0, 65]), 2), (target.message(65, 4, [65, 0]), 2),
            (target.message(65, 5, [UInt64.max, 1]), 2), (target.message(65, 6, [1, UInt64.max]), 2),
            (target.message(65, 7, [1 << 63, 1 << 63]), 2), (target.message(64, 8, [0], payload: [1]), 3),
            (target.message(66, 9, [0, 8 << 48, 1, 0]), 3), (target.message(66, 10, [0, 3 << 56 | 8 << 48, 1, 0]), 5),
            (target.message(66, 11, [0, 16 << 48, 1, 0]), 5),
        ]
        var expected: [UInt8] = []
        for (index, item) in cases.enumerated() {
            scene.raw.send(item.message)
            expected += target.answer(UInt64(index + 1), item.status)
        }
        scene.receive(byteCount: expected.count)
        #expect(scene.received == expected)
        #expect(target.memory.bytes.allSatisfy { $0 == 0 })
        #expect(scene.bad.state == .connected)
    }

    @Test(arguments: [
        (64, 16), (64, 23), (64, 56), (65, 24), (65, 40), (65, 56), (66, 40), (66, 56), (67, 8), (67, 24), (64, 0),
        (68, 32), (68, 72), (69, 24), (69, 40), (69, 56), (70, 16),
    ])
    func `of the wrong size end the connection`(kind: UInt8, headerByteCount: Int) throws {
        let scene = try RawScene(version: .oneSidedVersion)
        scene.raw.send(
            dataHeader(kind, userHeader: headerByteCount, payload: 0) + [UInt8](repeating: 0, count: headerByteCount))
        try scene.expectViolation(kind == 67 ? "not asked for" : "wrong size", "\(kind) of \(headerByteCount)")
    }

    @Test func `in parts are allowed or refused as a whole`() throws {
        let target = try Target()
        let scene = target.scene
        // Of 16 bytes at 4: the first half, the second with a notification, and both to be got; then of 61 at 4.
        scene.raw.send(target.message(64, 1, [4, 4, 16], payload: [UInt8](repeating: 1, count: 8)))
        scene.raw.send(target.message(64, 2, [12, 4, 16, 5], payload: [UInt8](repeating: 2, count: 8)))
        scene.raw.send(target.message(65, 3, [4, 8, 4, 16]))
        scene.raw.send(target.message(65, 4, [12, 8, 4, 16]))
        scene.raw.send(target.message(64, 5, [4, 4, 61], payload: [UInt8](repeating: 3, count: 8)))
        scene.raw.send(target.message(65, 6, [4, 8, 4, 61]))
        scene.raw.send(target.message(65, 7, [4, 8, 4, UInt64.max]))
        scene.raw.send(target.message(68, 8, [4, 4_096, 8, 4, 61]))
        scene.raw.send(target.message(68, 9, [4, 4_096, 8, 4, 61, 6]))
        scene.raw.send(target.message(69, 10, [4, 8, 4, 61]))
        let (ones, twos) = ([UInt8](repeating: 1, count: 8), [UInt8](repeating: 2, count: 8))
        let expected =
            target.answer(1) + target.answer(2) + target.answer(3, payload: ones) + target.answer(4, payload: twos)
            + (5...10).flatMap { target.answer($0, 2) }
        scene.receive(byteCount: expected.count)
        #expect(scene.received == expected)
        #expect(Array(target.memory.bytes.prefix(24)) == [0, 0, 0, 0] + ones + twos + [0, 0, 0, 0])
        #expect(scene.pair.far.takeNotification()?.value == 5)
        #expect(scene.pair.far.takeNotification() == nil)
    }

    /// Kind, the part's offset and size, and those of the operation.
    @Test(
        arguments: [
            (64, 3, 8, 4, 16), (64, 13, 8, 4, 16), (64, 21, 0, 4, 16), (65, 3, 8, 4, 16), (65, 12, 9, 4, 16),
            (65, 4, UInt64.max, 4, 16), (68, 20, 1, 4, 16), (69, 0, 1, 1, 16), (69, UInt64.max, 1, 4, 16),
        ] as [(UInt8, UInt64, UInt64, UInt64, UInt64)])
    func `of which a part lies outside end the connection`(
        kind: UInt8, offset: UInt64, byteCount: UInt64, start: UInt64, whole: UInt64
    ) throws {
        let target = try Target()
        let fields =
            switch kind {
            case 64: [offset, start, whole]
            case 68: [offset, 4_096, byteCount, start, whole]
            default: [offset, byteCount, start, whole]
            }
        target.scene.raw.send(target.message(64, 1, [4, 4, 16], payload: [7]))
        let payload = kind == 64 ? [UInt8](repeating: 1, count: Int(byteCount)) : []
        target.scene.raw.send(target.message(kind, 2, fields, payload: payload))
        try target.scene.expectViolation("lies outside", "\(kind) \(offset) \(byteCount)")
        #expect(target.memory.bytes.enumerated().allSatisfy { $1 == ($0 == 4 ? 7 : 0) })
    }

    @Test(arguments: [(3, 0, 1), (1, 0, 0), (2, 0, 0), (2, 0, 9), (2, 1, 8)] as [(UInt64, UInt64, Int)])
    func `that are answered wrongly end the connection`(number: UInt64, status: UInt64, byteCount: Int) throws {
        let target = try Target()
        let scene = target.scene
        let room = Payload(byteCount: 8)
        // The raw peer's own key: any will do.
        var key = target.region.key
        key.replaceSubrange(24..<32, with: bigEndian(1))
        let remote = try RemoteMemory(key: key)
        let put = try scene.bad.put(room.bytes, to: remote)
        let get = try scene.bad.get(into: room.mutable, from: remote)
        scene.receive(byteCount: 8 + 24 + 8 + 8 + 32)
        let bytes = scene.received
        #expect(Array(bytes.prefix(8)) == dataHeader(64, userHeader: 24, payload: 8))
        #expect(Array(bytes[8..<32]) == bigEndian(1 << 32 | target.number, target.nonce, 0))
        #expect(Array(bytes[40..<80]) == target.message(65, 2, [0, 8]))
        if number == 1 { scene.raw.send(target.answer(1)) }
        let payload = [UInt8](repeating: 9, count: byteCount)
        scene.raw.send(target.answer(number, status, payload: payload))
        try scene.expectViolation("not asked for", "\(number)")
        #expect(put.isComplete && get.isComplete)
        #expect(room.bytes.allSatisfy { $0 == 0 })
    }

    @Test func `without end, whose answers are not read, end the connection`() throws {
        let target = try Target(byteCount: 4_000_000)
        for number in 0..<500 { target.scene.raw.send(target.message(65, UInt64(number), [0, 4_000_000])) }
        let scene = target.scene
        scene.pair.run("it is closed") { scene.bad.state == .closed }
        #expect(scene.bad.error?.code == .rejected)
        #expect(scene.log.lines.contains { $0.contains("more one-sided operations") })
        target.region.deregister()
        #expect(!target.region.isInUse, "what was to be sent holds it no longer")
        try scene.pair.pingPong(scene.near, scene.far)
    }

    @Test(arguments: Array(1...8) as [UInt64]) func `at random never harm the others`(seed: UInt64) throws {
        let target = try Target()
        let noise = Payload(byteCount: 40_000, seed: seed).copy
        var index = 0
        func next(_ limit: Int) -> Int {
            index = (index + 3) % (noise.count - 3)
            return (Int(noise[index]) << 8 | Int(noise[index + 1])) % limit
        }
        for round in 0..<400 {
            let words = (0..<next(6)).map { _ in [0, 8, 60, 64, UInt64.max, UInt64(next(80))][next(6)] }
            var bytes = target.message(
                UInt8(64 + next(8)), UInt64(round), words, payload: [UInt8](repeating: 1, count: next(70)))
            if next(3) == 0 { bytes[8 + next(bytes.count - 8)] = UInt8(next(256)) }
            target.scene.raw.send(bytes)
            target.scene.pair.driveBoth()
            target.scene.raw.poll()
        }
        let scene = target.scene
        try scene.pair.pingPong(scene.near, scene.far)
    }
}
