import Handfast
import HandfastGroups
import SharedMemoryTransport
import TCPTransport
import Testing

/// The members of one group, in one thread: each is driven in turn.
private final class Members {
    let endpoints: [Endpoint]
    let connections: [[Connection?]]
    let groups: [Group]

    init(_ count: Int, _ transport: String) throws {
        let environment = ["HANDFAST_TRANSPORTS": transport]
        let endpoints = try (0..<count).map {
            try Endpoint(
                name: "rank\($0)", transports: [SharedMemoryTransport.definition, TCPTransport.definition],
                environment: environment)
        }
        let addresses = try endpoints.map { try $0.listen(on: IPAddress("127.0.0.1")) }
        var connections: [[Connection?]] = []
        for rank in 0..<count {
            connections.append(
                try addresses.indices.map {
                    $0 == rank ? nil : try endpoints[rank].connect(to: addresses[$0], mode: .onDemand)
                })
        }
        self.endpoints = endpoints
        self.connections = connections
        var groups: [Group] = []
        for rank in 0..<count {
            groups.append(try Group(endpoint: endpoints[rank], connections: connections[rank], rank: rank))
        }
        self.groups = groups
    }

    func drive(_ what: Comment, until condition: () -> Bool) {
        let deadline = ContinuousClock.now + .seconds(30)
        while !condition() {
            for endpoint in endpoints { endpoint.progress() }
            guard ContinuousClock.now < deadline else {
                Issue.record("not in time: \(what)")
                return
            }
        }
    }
}

@Suite(.serialized) struct `A group in one process` {
    @Test(arguments: 1...17) func `leaves a barrier when the last member has come`(count: Int) throws {
        let members = try Members(count, count % 2 == 0 ? "shm" : "tcp")
        for last in Set([0, count / 2, count - 1]) {
            var operations = try members.groups.filter { $0.rank != last }.map { try $0.beginBarrier() }
            for _ in 0..<200 { for endpoint in members.endpoints { endpoint.progress() } }
            #expect(operations.allSatisfy { !$0.isComplete }, "one did not wait for \(last) of \(count)")
            operations.append(try members.groups[last].beginBarrier())
            members.drive("barrier of \(count)") { operations.allSatisfy { $0.isComplete } }
            #expect(operations.allSatisfy { $0.error == nil })
        }
    }

    @Test(arguments: 1...17, [0, 100, 100_000])
    func `has a root's bytes at all members, whoever is the root`(count: Int, byteCount: Int) throws {
        let members = try Members(count, count % 2 == 0 ? "tcp" : "shm")
        for root in Set([0, 1 % count, count - 1]) {
            let buffers = (0..<count).map { rank in
                let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: byteCount, alignment: 8)
                for index in buffer.indices {
                    buffer[index] = rank == root ? UInt8(truncatingIfNeeded: index + root) : 0
                }
                return buffer
            }
            defer { for buffer in buffers { buffer.deallocate() } }
            let operations = try members.groups.map { try $0.beginBroadcast(buffers[$0.rank], from: root) }
            members.drive("broadcast to \(count)") { operations.allSatisfy { $0.isComplete } }
            #expect(operations.allSatisfy { $0.error == nil })
            #expect(buffers.allSatisfy { $0.elementsEqual(buffers[root]) }, "from \(root) to \(count)")
        }
    }

    @Test func `keeps operations apart that are under way together, and other messages out`() throws {
        let members = try Members(5, "shm")
        let others = try members.connections[0].indices.dropFirst().map { rank in
            try Group(
                endpoint: members.endpoints[rank], connections: members.connections[rank], rank: rank, number: 9)
        }
        let first = try Group(
            endpoint: members.endpoints[0], connections: members.connections[0], rank: 0, number: 9)
        // A message of the program's own between them.
        let text = UnsafeMutableRawBufferPointer.allocate(byteCount: 3, alignment: 1)
        text.copyBytes(from: "abc".utf8)
        defer { text.deallocate() }
        try #require(members.connections[0][1]).sendCopy(UnsafeRawBufferPointer(text))
        let bytes = (0..<5).map { _ in UnsafeMutableRawBufferPointer.allocate(byteCount: 8, alignment: 8) }
        defer { for buffer in bytes { buffer.deallocate() } }
        for (rank, buffer) in bytes.enumerated() { buffer.storeBytes(of: rank, as: Int.self) }
        var operations: [GroupOperation] = []
        for group in members.groups {
            operations.append(try group.beginBarrier())
            operations.append(try group.beginBarrier())
            operations.append(try group.beginBroadcast(bytes[group.rank], from: 3))
            operations.append(try group.beginBarrier())
        }
        for group in others + [first] { operations.append(try group.beginBarrier()) }
        members.drive("all") { operations.allSatisfy { $0.isComplete } }
        #expect(operations.allSatisfy { $0.error == nil })
        #expect(bytes.allSatisfy { $0.load(as: Int.self) == 3 })
        let room = UnsafeMutableRawBufferPointer.allocate(byteCount: 3, alignment: 1)
        defer { room.deallocate() }
        let receive = try members.endpoints[1].receive(into: room)
        members.drive("the message") { receive.isComplete }
        #expect(room.elementsEqual("abc".utf8))
    }

    @Test func `tells a member whose peer is gone`() throws {
        let members = try Members(2, "tcp")
        let barriers = try members.groups.map { try $0.beginBarrier() }
        members.drive("barrier") { barriers.allSatisfy { $0.isComplete } }
        let alone = try members.groups[0].beginBarrier()
        let bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: 8, alignment: 8)
        defer { bytes.deallocate() }
        members.connections[1][0]?.close()
        members.drive("the end") { alone.isComplete }
        #expect(alone.error != nil)
    }

    @Test func `refuses ranks and lists that make no sense`() throws {
        let endpoint = try Endpoint(name: "alone", transports: [TCPTransport.definition], environment: [:])
        for (connections, rank) in [([], 0), ([nil], 1), ([nil, nil], 0), ([nil], -1)] as [([Connection?], Int)] {
            let error = #expect(throws: HandfastError.self) {
                _ = try Group(endpoint: endpoint, connections: connections, rank: rank)
            }
            #expect(error?.code == .invalidArgument)
        }
        let group = try Group(endpoint: endpoint, connections: [nil], rank: 0)
        try group.barrier(timeout: .seconds(1))
        let error = #expect(throws: HandfastError.self) {
            try group.beginBroadcast(UnsafeMutableRawBufferPointer(start: nil, count: 0), from: 1)
        }
        #expect(error?.code == .invalidArgument)
    }
}
