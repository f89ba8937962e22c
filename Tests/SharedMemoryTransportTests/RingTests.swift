import Testing

@testable import SharedMemoryTransport

@Suite struct `A ring` {
    /// Memory for one ring, with a line of known bytes behind it.
    private final class Memory: @unchecked Sendable {  // The ring is made for two sides at once.
        let start: UnsafeMutableRawPointer
        let byteCount: Int
        init(lineCount: Int) {
            byteCount = RingMemory.byteCount(lineCount: lineCount)
            start = .allocate(byteCount: byteCount + 64, alignment: 64)
            start.initializeMemory(as: UInt8.self, repeating: 0, count: byteCount)
            (start + byteCount).initializeMemory(as: UInt8.self, repeating: 0xa5, count: 64)
        }
        var isBoundIntact: Bool {
            UnsafeRawBufferPointer(start: start + byteCount, count: 64).allSatisfy { $0 == 0xa5 }
        }
        deinit { start.deallocate() }
    }

    private func isEmpty(_ consumer: inout RingConsumer) throws -> Bool {
        let packet = try consumer.peek()
        return packet == nil
    }

    @Test(arguments: [4, 5, 16, 124]) func `hands over every size in order, whatever was in its lines`(lineCount: Int)
        throws
    {
        let memory = Memory(lineCount: lineCount)
        var producer = RingProducer(memory: memory.start, lineCount: lineCount)
        var consumer = RingConsumer(memory: memory.start, lineCount: lineCount)
        let longest = RingMemory.maximumPacketByteCount(lineCount: lineCount)
        var generator = SystemRandomNumberGenerator()
        for round in 0..<20_000 {
            let byteCount = Int.random(in: 0...longest, using: &generator)
            let reserved = producer.reserve(byteCount)
            let room = try #require(reserved, "round \(round)")
            // Bytes that look like control words, so that stale ones would be taken for packets.
            UnsafeMutableRawBufferPointer(start: room, count: byteCount).initializeMemory(as: UInt8.self, repeating: 1)
            #expect(try isEmpty(&consumer), "round \(round)")
            producer.publish(byteCount)
            let next = try consumer.peek()
            let packet = try #require(next)
            #expect(packet.count == byteCount)
            #expect(packet.allSatisfy { $0 == 1 })
            consumer.release(byteCount)
            #expect(try isEmpty(&consumer), "round \(round)")
        }
        #expect(memory.isBoundIntact)
    }

    @Test func `refuses more than it holds and goes on when some is freed`() throws {
        let memory = Memory(lineCount: 16)
        var producer = RingProducer(memory: memory.start, lineCount: 16)
        var consumer = RingConsumer(memory: memory.start, lineCount: 16)
        var count = 0
        while producer.reserve(8) != nil {
            producer.publish(8)
            count += 1
        }
        #expect(count == 15)
        _ = try consumer.peek()
        consumer.release(8)
        var room = producer.reserve(8)
        #expect(room == nil)  // The rest of the ring and the first line are not enough yet.
        _ = try consumer.peek()
        consumer.release(8)
        room = producer.reserve(8)
        #expect(room != nil)
    }

    @Test(arguments: [UInt64(1) << 63, 4096, 16 * 64, UInt64.max - 1] as [UInt64])
    func `finds a size that cannot be`(control: UInt64) {
        let memory = Memory(lineCount: 16)
        memory.start.storeBytes(of: control, toByteOffset: 64, as: UInt64.self)
        var consumer = RingConsumer(memory: memory.start, lineCount: 16)
        #expect(throws: RingConsumer.Obstacle.corrupt(control: control, line: 0)) { _ = try consumer.peek() }
    }

    @Test func `does not believe a consumer that freed more than was written`() {
        let memory = Memory(lineCount: 16)
        memory.start.storeBytes(of: 1_000_000, as: UInt64.self)
        var producer = RingProducer(memory: memory.start, lineCount: 16)
        for _ in 0..<15 {
            guard producer.reserve(8) != nil else { return }
            producer.publish(8)
        }
        let room = producer.reserve(8)
        #expect(room == nil)
    }

    @Test func `carries numbers between two threads without loss`() async throws {
        let memory = Memory(lineCount: 16)
        let count = 200_000
        async let sum: Int = Task.detached {
            var consumer = RingConsumer(memory: memory.start, lineCount: 16)
            var next = 0
            while next < count {
                guard let packet = try consumer.peek() else {
                    await Task.yield()
                    continue
                }
                guard packet.loadUnaligned(as: Int.self) == next else { return next }
                consumer.release(packet.count)
                next += 1
            }
            return next
        }.value
        var producer = RingProducer(memory: memory.start, lineCount: 16)
        for number in 0..<count {
            let byteCount = 8 + number % 400
            while true {
                if let room = producer.reserve(byteCount) {
                    room.storeBytes(of: number, as: Int.self)
                    producer.publish(byteCount)
                    break
                }
                await Task.yield()
            }
        }
        #expect(try await sum == count)
    }
}
