import Handfast
import Testing

@Suite struct `A send of pieces` {
    @Test(
        arguments: everyTransport,
        [[], [0], [5], [1, 0, 7, 100], Array(repeating: 3, count: 16), [70_000, 8, 3_000_000]])
    func `is received as one run of bytes`(transport: String, byteCounts: [Int]) throws {
        let pair = try EndpointPair(transport)
        let (near, far) = try pair.connect()
        let whole = Payload(byteCount: byteCounts.reduce(0, +), seed: 1)
        let (header, headerRoom) = (Payload(byteCount: 40, seed: 2), Payload(byteCount: 40))
        let room = Payload(byteCount: whole.byteCount)
        let receive = try pair.far.receive(into: room.mutable, header: headerRoom.mutable, from: far)
        let send = try near.send(pieces: whole.cut(byteCounts), header: header.bytes)
        #expect(try pair.finish(send).byteCount == whole.byteCount)
        #expect(try pair.finish(receive).byteCount == whole.byteCount)
        #expect(room == whole)
        #expect(headerRoom == header)
    }

    @Test(arguments: everyTransport) func `goes on where the transport stopped`(transport: String) throws {
        let pair = try EndpointPair(transport)
        let (near, far) = try pair.connect()
        // Pieces that end anywhere in a full transport, with other messages before and after.
        let messages = (0..<40).map { Payload(byteCount: 90_001 + 7 * $0, seed: UInt64($0)) }
        var sends: [Request] = []
        for (index, message) in messages.enumerated() {
            let parts = (0..<15).map { $0 * 400 + index }
            let cuts = parts + [message.byteCount - parts.reduce(0, +)]
            if index % 3 == 0 {
                sends.append(try near.send(pieces: message.cut(cuts)))
            } else {
                sends.append(try near.send(message.bytes))
            }
        }
        for message in messages {
            let room = Payload(byteCount: message.byteCount)
            let completion = try pair.finish(try pair.far.receive(into: room.mutable, from: far))
            #expect(completion.byteCount == message.byteCount)
            #expect(room == message)
        }
        for send in sends { _ = try pair.finish(send) }
    }

    @Test func `is refused when there are too many`() throws {
        let pair = try EndpointPair("shm")
        let (near, far) = try pair.connect()
        let payload = Payload(byteCount: 17, seed: 1)
        let error = #expect(throws: HandfastError.self) {
            try near.send(pieces: payload.cut(Array(repeating: 1, count: Connection.maximumPieceCount + 1)))
        }
        #expect(error?.code == .invalidArgument)
        try pair.pingPong(near, far)
    }

    @Test func `is queued until the connection is up`() throws {
        let pair = try EndpointPair("tcp")
        let connection = try pair.near.connect(to: try #require(pair.far.address))
        let (payload, room) = (Payload(byteCount: 100, seed: 1), Payload(byteCount: 100))
        let send = try connection.send(pieces: payload.cut([1, 99]))
        #expect(!send.isComplete)
        _ = try pair.finish(try pair.far.receive(into: room.mutable))
        _ = try pair.finish(send)
        #expect(room == payload)
    }
}

@Suite struct `A send by copy` {
    @Test(arguments: everyTransport) func `leaves the memory to its owner at once`(transport: String) throws {
        let pair = try EndpointPair(transport)
        let (near, far) = try pair.connect()
        let (payload, header) = (Payload(byteCount: 20_000), Payload(byteCount: 16))
        let count = 50
        for index in 0..<count {
            for offset in payload.mutable.indices { payload.mutable[offset] = UInt8(index) }
            header.mutable[3] = UInt8(index)
            try near.sendCopy(payload.bytes, header: header.bytes)
        }
        for offset in payload.mutable.indices { payload.mutable[offset] = 255 }
        for index in 0..<count {
            let (room, headerRoom) = (Payload(byteCount: 20_000), Payload(byteCount: 16))
            _ = try pair.finish(try pair.far.receive(into: room.mutable, header: headerRoom.mutable, from: far))
            #expect(room.bytes.allSatisfy { $0 == UInt8(index) })
            #expect(headerRoom.bytes[3] == UInt8(index))
        }
    }

    @Test(arguments: everyTransport) func `is refused when too much waits, and welcome again later`(transport: String)
        throws
    {
        let pair = try EndpointPair(transport, ["HANDFAST_UNEXPECTED_BYTES": "64k"])
        let (near, far) = try pair.connect()
        let payload = Payload(byteCount: 10_000, seed: 1)
        var sentCount = 0
        var refusal: HandfastError?
        while refusal == nil, sentCount < 10_000 {
            do throws(HandfastError) {
                try near.sendCopy(payload.bytes)
                sentCount += 1
            } catch { refusal = error }
        }
        #expect(refusal?.code == .resources)
        let room = Payload(byteCount: 10_000)
        for _ in 0..<sentCount {
            _ = try pair.finish(try pair.far.receive(into: room.mutable, from: far))
            #expect(room == payload)
        }
        try near.sendCopy(payload.bytes)
        _ = try pair.finish(try pair.far.receive(into: room.mutable, from: far))
    }

    @Test func `is refused when the message is not small`() throws {
        let pair = try EndpointPair("shm")
        let (near, far) = try pair.connect()
        let (payload, header) = (Payload(byteCount: Connection.maximumCopyByteCount), Payload(byteCount: 1))
        let error = #expect(throws: HandfastError.self) { try near.sendCopy(payload.bytes, header: header.bytes) }
        #expect(error?.code == .invalidArgument)
        try near.sendCopy(payload.bytes)
        let room = Payload(byteCount: payload.byteCount)
        _ = try pair.finish(try pair.far.receive(into: room.mutable, from: far))
        #expect(room == payload)
    }

    @Test func `that could not go out is dropped with its connection, which tells why`() throws {
        let pair = try EndpointPair("tcp")
        let address = try EndpointAddress(parsing: "127.0.0.1:1")
        let connection = try pair.near.connect(to: address)
        let payload = Payload(byteCount: 1_000, seed: 1)
        for _ in 0..<100 { try connection.sendCopy(payload.bytes) }
        connection.close()
        pair.run("it has ended") { connection.state == .closed }
        #expect(throws: HandfastError.self) { try connection.sendCopy(payload.bytes) }
    }

    @Test(arguments: everyTransport) func `goes out before a goodbye`(transport: String) throws {
        let pair = try EndpointPair(transport)
        let (near, far) = try pair.connect()
        let payload = Payload(byteCount: 30_000, seed: 1)
        for _ in 0..<30 { try near.sendCopy(payload.bytes) }
        near.close()
        let room = Payload(byteCount: 30_000)
        for _ in 0..<30 {
            _ = try pair.finish(try pair.far.receive(into: room.mutable, from: far))
            #expect(room == payload)
        }
    }
}

extension Payload {
    /// Its bytes as pieces of these sizes.
    func cut(_ byteCounts: [Int]) -> [UnsafeRawBufferPointer] {
        var start = 0
        return byteCounts.map { byteCount in
            defer { start += byteCount }
            return UnsafeRawBufferPointer(rebasing: bytes[start..<(start + byteCount)])
        }
    }
}
