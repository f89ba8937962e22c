import Handfast
import Testing

@Suite struct `A peer's memory` {
    @Test(arguments: OneSidedPair.transports, [0, 1, 8, 5_000, 300_000, 3_000_000])
    func `is written and read without its doing`(transport: String, byteCount: Int) throws {
        let pair = try OneSidedPair(transport, byteCount: byteCount + 20)
        let (sent, room) = (Payload(byteCount: byteCount, seed: 1), Payload(byteCount: byteCount))
        let put = try pair.finish(try pair.connection.put(sent.bytes, to: pair.remote, offset: 7))
        #expect(put.byteCount == byteCount)
        #expect(pair.memory.bytes[7..<7 + byteCount].elementsEqual(sent.bytes))
        #expect(
            pair.memory.bytes.prefix(7).allSatisfy { $0 == 0 } && pair.memory.bytes.suffix(13).allSatisfy { $0 == 0 })
        let get = try pair.finish(try pair.connection.get(into: room.mutable, from: pair.remote, offset: 7))
        #expect(get.byteCount == byteCount)
        #expect(room == sent)
    }

    @Test(arguments: OneSidedPair.transports) func `is written in the order of the calls`(transport: String) throws {
        let pair = try OneSidedPair(transport, byteCount: 600_000)
        let writes = (0..<20).map { Payload(byteCount: $0 % 3 == 0 ? 600_000 : 1_000 * $0, seed: UInt64($0)) }
        var expected = [UInt8](repeating: 0, count: 600_000)
        for write in writes { expected.replaceSubrange(0..<write.byteCount, with: write.copy) }
        let puts = try writes.map { try pair.connection.put($0.bytes, to: pair.remote) }
        // A get sees the puts before it.
        let room = Payload(byteCount: 600_000)
        let get = try pair.connection.get(into: room.mutable, from: pair.remote)
        try pair.finish(get)
        for put in puts { try pair.finish(put) }
        #expect(room.bytes.elementsEqual(expected))
        #expect(pair.memory.bytes.elementsEqual(expected))
    }

    @Test(arguments: OneSidedPair.transports) func `has what was put before a flush, whoever asks`(transport: String)
        throws
    {
        let pair = try OneSidedPair(transport, byteCount: 3_000_000)
        let (data, word, room) = (Payload(byteCount: 3_000_000, seed: 1), Payload(byteCount: 8), Payload(byteCount: 8))
        let receive = try pair.far.receive(into: room.mutable, from: pair.farConnection)
        let put = try pair.connection.put(data.bytes, to: pair.remote)
        let flush = try pair.connection.flush()
        let all = try pair.near.flush()
        #expect(!flush.isComplete && !all.isComplete)
        try pair.finish(flush)
        #expect(put.isComplete, "a flush is complete after what came before it")
        #expect(pair.memory == data)
        try pair.finish(all)
        try pair.finish(try pair.connection.send(word.bytes))
        try pair.finish(receive)
        try pair.finish(put)
        #expect(try pair.connection.flush().isComplete, "nothing is under way")
        #expect(try pair.near.flush().isComplete)
    }

    @Test(arguments: OneSidedPair.transports) func `lets messages pass while much of it moves`(transport: String) throws
    {
        let pair = try OneSidedPair(transport, byteCount: 16_000_000)
        let (data, small, room) = (
            Payload(byteCount: 16_000_000, seed: 1), Payload(byteCount: 8, seed: 2), Payload(byteCount: 8)
        )
        let put = try pair.connection.put(data.bytes, to: pair.remote)
        pair.run("it has begun") { pair.memory.bytes[0] == data.bytes[0] }
        let receive = try pair.far.receive(into: room.mutable, from: pair.farConnection)
        let send = try pair.connection.send(small.bytes)
        try pair.finish(receive)
        #expect(!put.isComplete)
        #expect(room == small)
        try pair.finish(send)
        try pair.finish(put)
        #expect(pair.memory == data)
    }

    @Test(arguments: OneSidedPair.transports) func `may be both sides' at once, and much of it`(transport: String)
        throws
    {
        let pair = try OneSidedPair(transport, byteCount: 4_000_000)
        let own = Payload(byteCount: 4_000_000, seed: 9)
        let ownRegion = try pair.near.register(memory: own.mutable, permissions: .read)
        let back = try RemoteMemory(key: ownRegion.key)
        let rooms = (0..<8).map { _ in Payload(byteCount: 4_000_000) }
        let gets = try rooms.enumerated().map { index, room in
            try index % 2 == 0
                ? pair.connection.get(into: room.mutable, from: pair.remote)
                : pair.farConnection.get(into: room.mutable, from: back)
        }
        for get in gets { try pair.finish(get) }
        for (index, room) in rooms.enumerated() { #expect(room == (index % 2 == 0 ? pair.memory : own)) }
    }

    @Test(arguments: OneSidedPair.transports) func `counts for many at the same time`(transport: String) throws {
        let pair = try OneSidedPair(transport, byteCount: 16)
        let others = try (0..<4).map { _ in try OneSidedPair.connect(pair.near, pair.far).0 } + [pair.connection]
        var found: Set<UInt64> = []
        var requests: [Request] = []
        for _ in 0..<200 {
            for other in others {
                requests.append(try other.fetchAndAdd(3, to: pair.remote))
                requests.append(try other.fetchAndAdd(1, to: pair.remote, offset: 12, width: .bits32))
            }
        }
        for (index, request) in requests.enumerated() {
            let completion = try pair.finish(request)
            if index % 2 == 0 { #expect(found.insert(completion.fetched).inserted) }
        }
        #expect(pair.memory.bytes.load(as: UInt64.self) == 3_000)
        #expect(pair.memory.bytes.load(fromByteOffset: 8, as: UInt64.self) == 1_000 << 32)
        #expect(found == Set((0..<1_000).map { $0 * 3 }))
    }

    @Test(arguments: OneSidedPair.transports, [AtomicWidth.bits32, .bits64])
    func `is swapped, and compared first if that is asked for`(transport: String, width: AtomicWidth) throws {
        let pair = try OneSidedPair(transport, byteCount: 16)
        let top: UInt64 = width == .bits64 ? .max : UInt64(UInt32.max)
        func fetched(_ request: Request) throws -> UInt64 { try pair.finish(request).fetched }
        let connection = pair.connection
        #expect(try fetched(try connection.swap(.max, in: pair.remote, offset: 8, width: width)) == 0)
        #expect(try fetched(try connection.fetchAndAdd(2, to: pair.remote, offset: 8, width: width)) == top)
        let failed = try connection.compareAndSwap(
            expected: 2, desired: 9, in: pair.remote, offset: 8, width: width)
        #expect(try fetched(failed) == 1)
        let done = try connection.compareAndSwap(expected: 1, desired: 9, in: pair.remote, offset: 8, width: width)
        #expect(try fetched(done) == 1)
        #expect(Array(pair.memory.bytes) == [UInt8](repeating: 0, count: 8) + [9] + [UInt8](repeating: 0, count: 7))
    }
}

@Suite struct `A notification` {
    @Test(arguments: OneSidedPair.transports, [0, 100, 3_000_000])
    func `comes with its data, once, in order`(transport: String, byteCount: Int) throws {
        let pair = try OneSidedPair(transport, byteCount: byteCount)
        let data = (1...5).map { Payload(byteCount: byteCount, seed: $0) }
        for (index, data) in data.enumerated() {
            let put = try pair.connection.put(data.bytes, to: pair.remote, notify: UInt64(index))
            var notification: Endpoint.Notification?
            pair.run("it is told") {
                notification = notification ?? pair.far.takeNotification()
                return notification != nil
            }
            #expect(notification?.connection == pair.farConnection && notification?.value == UInt64(index))
            #expect(pair.memory == data)
            try pair.finish(put)
        }
        #expect(pair.far.takeNotification() == nil)
    }

    @Test(arguments: OneSidedPair.transports) func `that nobody takes holds its connection, and nothing is lost`(
        transport: String
    ) throws {
        let pair = try OneSidedPair(transport)
        let (other, otherFar) = try OneSidedPair.connect(pair.near, pair.far)
        let none = UnsafeRawBufferPointer(start: nil, count: 0)
        let puts = try (0..<6_000).map { try pair.connection.put(none, to: pair.remote, notify: UInt64($0)) }
        pair.drive(20_000)
        #expect(puts.count { $0.isComplete } == 4_096)
        let held = try other.put(none, to: pair.remote, notify: 77)
        pair.drive()
        #expect(!held.isComplete)
        var values: [UInt64] = []
        var otherValues: [UInt64] = []
        pair.run("all are told") {
            while let notification = pair.far.takeNotification() {
                if notification.connection == otherFar {
                    otherValues.append(notification.value)
                } else {
                    values.append(notification.value)
                }
            }
            return values.count == 6_000 && !otherValues.isEmpty
        }
        #expect(values == Array(0..<6_000))
        #expect(otherValues == [77])
        for put in puts + [held] { try pair.finish(put) }
    }

    @Test(arguments: OneSidedPair.transports) func `that waits does not keep its connection from closing`(
        transport: String
    ) throws {
        for closesFar in [true, false] {
            let pair = try OneSidedPair(transport)
            let none = UnsafeRawBufferPointer(start: nil, count: 0)
            let puts = try (0..<4_200).map { try pair.connection.put(none, to: pair.remote, notify: UInt64($0)) }
            pair.drive(20_000)
            if closesFar { pair.farConnection.close() } else { pair.connection.close() }
            pair.run("all puts have ended") {
                if !closesFar { while pair.far.takeNotification() != nil {} }
                return puts.allSatisfy(\.isComplete)
            }
            pair.run("both are closed") {
                pair.connection.state == .closed && pair.farConnection.state == .closed
            }
        }
    }
}
