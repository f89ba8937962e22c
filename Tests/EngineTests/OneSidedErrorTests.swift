import Handfast
import Testing

@Suite struct `A one-sided operation that is not allowed` {
    private static let width = AtomicWidth.bits64

    @Test(arguments: OneSidedPair.transports) func `is refused at once where the key says so`(transport: String) throws
    {
        let pair = try OneSidedPair(transport, byteCount: 100, permissions: .read)
        let room = Payload(byteCount: 50)
        for offset in [-1, 51, Int.max, Int.min] {
            let error = #expect(throws: HandfastError.self) {
                try pair.connection.get(into: room.mutable, from: pair.remote, offset: offset)
            }
            #expect(error?.code == .invalidArgument)
        }
        for error in [
            #expect(throws: HandfastError.self) { try pair.connection.put(room.bytes, to: pair.remote) },
            #expect(throws: HandfastError.self) { try pair.connection.fetchAndAdd(1, to: pair.remote) },
        ] { #expect(error?.code == .rejected) }
        #expect(throws: HandfastError.self) { try RemoteMemory(key: [1, 2, 3]) }
        #expect(throws: HandfastError.self) { try RemoteMemory(key: [9] + pair.region.key.dropFirst()) }
        let other = try Endpoint(name: "other", transports: definitions, environment: [:])
        let region = try other.register(memory: room.mutable, permissions: .read)
        let error = #expect(throws: HandfastError.self) {
            try pair.connection.get(into: room.mutable, from: RemoteMemory(key: region.key))
        }
        #expect(error?.code == .invalidArgument)
    }

    /// The key of a region with other permissions, byte count, number or nonce.
    private func forged(_ pair: OneSidedPair, _ changes: [(index: Int, value: UInt8)]) throws -> RemoteMemory {
        var key = pair.region.key
        for change in changes { key[change.index] = change.value }
        return try RemoteMemory(key: key)
    }

    @Test(arguments: OneSidedPair.transports) func `is refused by the peer where the key lies, and touches nothing`(
        transport: String
    ) throws {
        let pair = try OneSidedPair(transport, byteCount: 100, permissions: [])
        let (data, room) = (Payload(byteCount: 8, seed: 1), Payload(byteCount: 8))
        let everything = try forged(pair, [(1, 7)])
        for request in [
            try pair.connection.put(data.bytes, to: everything, notify: 1),
            try pair.connection.get(into: room.mutable, from: everything),
            try pair.connection.fetchAndAdd(1, to: everything),
        ] { #expect(try pair.failure(request)?.code == .rejected) }
        let open = try OneSidedPair(transport, byteCount: 100)
        let longer = try forged(open, [(18, 1)])
        for offset in [93, 100, 1 << 30] {
            for request in [
                try open.connection.put(data.bytes, to: longer, offset: offset, notify: 1),
                try open.connection.get(into: room.mutable, from: longer, offset: offset),
                try open.connection.swap(1, in: longer, offset: offset),
            ] { #expect(try open.failure(request)?.code == .invalidArgument) }
        }
        for (index, value) in [(7, 200), (4, 1), (8, open.region.key[8] ^ 1), (15, open.region.key[15] ^ 1)] {
            let request = try open.connection.put(
                data.bytes, to: try forged(open, [(index, UInt8(value))]), notify: 1)
            #expect(try open.failure(request)?.code == .stale)
        }
        let crooked = try open.connection.fetchAndAdd(1, to: open.remote, offset: 4)
        #expect(try open.failure(crooked)?.code == .invalidArgument)
        for pair in [pair, open] {
            #expect(pair.memory.bytes.allSatisfy { $0 == 0 })
            #expect(pair.far.takeNotification() == nil)
        }
        #expect(room.bytes.allSatisfy { $0 == 0 })
        try open.finish(try open.connection.put(data.bytes, to: open.remote))
        #expect(open.memory.starts(with: data), "the connection goes on")
    }

    /// In parts, of which the first ones are within the memory: by the stream, or read by the other side.
    @Test(arguments: OneSidedPair.transports, [["HANDFAST_RENDEZVOUS_BYTES": "read=1024g"], [:]])
    func `is refused as a whole when only its end is beyond the memory`(transport: String, more: [String: String])
        throws
    {
        let pair = try OneSidedPair(transport, byteCount: 1 << 20, more)
        let wide = try forged(pair, [(21, 0x40)])
        for (offset, byteCount) in [(0, (1 << 20) + 1), (0, 2 << 20), (8, 1 << 20), (1, 4_000_000)] {
            let (data, untouched) = (Payload(byteCount: byteCount, seed: 1), Payload(byteCount: byteCount, seed: 1))
            let put = try pair.connection.put(data.bytes, to: wide, offset: offset, notify: 1)
            #expect(try pair.failure(put)?.code == .invalidArgument)
            let get = try pair.connection.get(into: data.mutable, from: wide, offset: offset)
            #expect(try pair.failure(get)?.code == .invalidArgument)
            #expect(data == untouched)
            #expect(pair.memory.bytes.allSatisfy { $0 == 0 })
        }
        #expect(pair.far.takeNotification() == nil)
        // What ends where the memory does is done.
        let data = Payload(byteCount: (1 << 20) - 8, seed: 1)
        try pair.finish(try pair.connection.put(data.bytes, to: wide, offset: 8, notify: 2))
        #expect(pair.memory.bytes.dropFirst(8).elementsEqual(data.bytes))
        #expect(pair.far.takeNotification()?.value == 2)
    }

    @Test(arguments: OneSidedPair.transports) func `is refused once the memory was deregistered`(transport: String)
        throws
    {
        let pair = try OneSidedPair(transport)
        let data = Payload(byteCount: 8, seed: 1)
        pair.region.deregister()
        pair.region.deregister()
        #expect(!pair.region.isInUse)
        #expect(pair.region.key.isEmpty)
        let again = try pair.far.register(memory: pair.memory.mutable, permissions: .write)
        for _ in 0..<3 {
            let put = try pair.connection.put(data.bytes, to: pair.remote, notify: 3)
            #expect(try pair.failure(put)?.code == .stale)
        }
        #expect(pair.memory.bytes.allSatisfy { $0 == 0 })
        try pair.finish(try pair.connection.put(data.bytes, to: RemoteMemory(key: again.key)))
        #expect(pair.memory.starts(with: data))
        #expect(again.isInUse)
    }

    @Test(arguments: OneSidedPair.transports) func `may come in the middle, and memory is let go when nobody uses it`(
        transport: String
    ) throws {
        let pair = try OneSidedPair(transport, byteCount: 6_000_000)
        let (data, room) = (Payload(byteCount: 6_000_000, seed: 1), Payload(byteCount: 6_000_000))
        let put = try pair.connection.put(data.bytes, to: pair.remote, notify: 1)
        let get = try pair.connection.get(into: room.mutable, from: pair.remote)
        pair.run("it has begun") { pair.memory.bytes[0] == data.bytes[0] }
        pair.region.deregister()
        pair.run("nobody uses it") { !pair.region.isInUse }
        let copy = pair.memory.copy
        for request in [put, get] {
            let error = try pair.failure(request)
            #expect(error?.code == .stale, "\(String(describing: error))")
        }
        #expect(pair.memory.bytes.elementsEqual(copy), "it is not touched any more")
        #expect(pair.far.takeNotification() == nil)
    }

    @Test(arguments: OneSidedPair.transports) func `leaves a flush to succeed`(transport: String) throws {
        let pair = try OneSidedPair(transport)
        pair.region.deregister()
        let data = Payload(byteCount: 8, seed: 1)
        let put = try pair.connection.put(data.bytes, to: pair.remote)
        try pair.finish(try pair.connection.flush())
        #expect(try pair.failure(put)?.code == .stale)
    }
}

@Suite struct `One-sided operations when their connection ends` {
    @Test(arguments: OneSidedPair.transports) func `were not cancelled, and say whether they were begun`(
        transport: String
    ) throws {
        let pair = try OneSidedPair(transport, byteCount: 6_000_000)
        let data = Payload(byteCount: 6_000_000, seed: 1)
        let puts = try (0..<3).map { _ in try pair.connection.put(data.bytes, to: pair.remote) }
        let flush = try pair.connection.flush()
        for request in puts + [flush] { #expect(!request.cancel()) }
        for put in puts { try pair.finish(put) }
        try pair.finish(flush)
        let late = try (0..<3).map { _ in try pair.connection.put(data.bytes, to: pair.remote) }
        pair.farConnection.close()
        #expect(try pair.failure(late[0])?.isUnsent == false)
        #expect(try pair.failure(late[2])?.isUnsent == true)
    }

    @Test(arguments: ["shm", "loopback"]) func `end with a goodbye that comes while bytes are being read`(
        transport: String
    ) throws {
        let pair = try OneSidedPair(transport, byteCount: 64_000_000, ["HANDFAST_CLOSE_TIMEOUT_MS": "600000"])
        let room = Payload(byteCount: 64_000_000)
        pair.memory.mutable[0] = 1
        let get = try pair.connection.get(into: room.mutable, from: pair.remote)
        pair.run("it has begun") { room.bytes[0] == 1 }
        pair.farConnection.close()
        #expect(try pair.failure(get)?.code == .closed)
        pair.run("both are closed") { pair.connection.state == .closed && pair.farConnection.state == .closed }
        #expect(pair.farConnection.error == nil)
    }

    @Test(arguments: OneSidedPair.transports) func `are finished first by who closes`(transport: String) throws {
        let pair = try OneSidedPair(transport, byteCount: 4_000_000)
        let (data, room) = (Payload(byteCount: 4_000_000, seed: 1), Payload(byteCount: 4_000_000))
        let put = try pair.connection.put(data.bytes, to: pair.remote)
        let get = try pair.connection.get(into: room.mutable, from: pair.remote)
        pair.connection.close()
        try pair.finish(put)
        try pair.finish(get)
        #expect(pair.memory == data)
        #expect(room == data)
        pair.run("both are closed") { pair.connection.state == .closed && pair.farConnection.state == .closed }
    }

    @Test(arguments: OneSidedPair.transports) func `end with it when the peer closes, and let go of all memory`(
        transport: String
    ) throws {
        for rounds in [0, 1, 3, 10, 40] {
            let pair = try OneSidedPair(transport, byteCount: 4_000_000)
            let (data, room) = (Payload(byteCount: 4_000_000, seed: 1), Payload(byteCount: 4_000_000))
            let requests = [
                try pair.connection.put(data.bytes, to: pair.remote, notify: 1),
                try pair.connection.get(into: room.mutable, from: pair.remote),
                try pair.connection.fetchAndAdd(1, to: pair.remote), try pair.connection.flush(),
                try pair.near.flush(),
            ]
            pair.drive(rounds)
            pair.farConnection.close()
            pair.run("all have ended") { requests.allSatisfy(\.isComplete) }
            pair.run("both are closed") { pair.connection.state == .closed && pair.farConnection.state == .closed }
            for request in requests {
                do { _ = try request.result() } catch { #expect(error.code == .closed, "\(error)") }
            }
            pair.region.deregister()
            #expect(!pair.region.isInUse)
        }
    }

    @Test(arguments: ["shm", "tcp"]) func `end when the peer vanishes in the middle`(transport: String) throws {
        let near = try Endpoint(name: "near", transports: definitions, environment: ["HANDFAST_TRANSPORTS": transport])
        var far: Endpoint? = try Endpoint(
            name: "far", transports: definitions, environment: ["HANDFAST_TRANSPORTS": transport])
        try far!.listen(on: IPAddress("127.0.0.1"))
        let connection = try OneSidedPair.connect(near, far!).0
        let (memory, data) = (Payload(byteCount: 8_000_000), Payload(byteCount: 8_000_000, seed: 1))
        let region = try far!.register(memory: memory.mutable, permissions: [.read, .write])
        let put = try connection.put(data.bytes, to: RemoteMemory(key: region.key))
        let get = try connection.get(into: data.mutable, from: RemoteMemory(key: region.key))
        let flush = try connection.flush()
        OneSidedPair.run([near, far!], "it has begun") { memory.bytes[0] != 0 }
        far = nil
        #expect(!region.isInUse)
        for request in [put, get, flush] {
            OneSidedPair.run([near], "it ends") { request.isComplete }
            let error = #expect(throws: HandfastError.self) { try request.result() }
            #expect(error?.code == .peerLost)
        }
        withExtendedLifetime((memory, data)) {}
    }

    @Test(arguments: ["shm", "tcp"]) func `may be the first use of a connection on demand`(transport: String) throws {
        let environment = ["HANDFAST_TRANSPORTS": transport]
        let near = try Endpoint(name: "near", transports: definitions, environment: environment)
        let far = try Endpoint(name: "far", transports: definitions, environment: environment)
        let nearAddress = try near.listen(on: IPAddress("127.0.0.1"))
        let farAddress = try far.listen(on: IPAddress("127.0.0.1"))
        let connection = try near.connect(to: farAddress, mode: .onDemand)
        _ = try far.connect(to: nearAddress, mode: .onDemand)
        let (memory, data) = (Payload(byteCount: 100), Payload(byteCount: 100, seed: 1))
        let region = try far.register(memory: memory.mutable, permissions: .write)
        let put = try connection.put(data.bytes, to: RemoteMemory(key: region.key))
        let flush = try near.flush()
        OneSidedPair.run([near, far], "all is there") { put.isComplete && flush.isComplete }
        _ = try put.result()
        _ = try flush.result()
        #expect(memory == data)
    }

    @Test func `are not for a pscom peer`() throws {
        let scene = try RawScene()
        let room = Payload(byteCount: 8)
        let region = try scene.pair.far.register(memory: room.mutable, permissions: .write)
        let error = #expect(throws: HandfastError.self) {
            try scene.bad.put(room.bytes, to: RemoteMemory(key: region.key))
        }
        #expect(error?.code == .unsupported)
        // What looks like one from it is passed over.
        for kind in 64...70 as ClosedRange<UInt8> {
            scene.raw.send(dataHeader(kind, userHeader: 24, payload: 8) + [UInt8](repeating: 1, count: 32))
        }
        scene.raw.send(dataHeader(0, userHeader: 0, payload: 1) + [42])
        _ = try scene.pair.finish(try scene.pair.far.receive(into: room.mutable, from: scene.bad))
        #expect(room.bytes[0] == 42)
    }
}
