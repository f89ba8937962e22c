import Handfast
import Testing

@Suite struct `Memory of an endpoint` {
    private func isAligned(_ memory: UnsafeMutableRawBufferPointer) -> Bool {
        Int(bitPattern: memory.baseAddress) % (memory.count < 4096 ? 64 : 4096) == 0
    }

    /// With shared memory, without any, and with too little of it.
    @Test(arguments: [("shm", "4g"), ("shm", "0"), ("shm", "300k"), ("tcp", "4g")])
    func `is sent and received into, whatever it is`(transport: String, limit: String) throws {
        let pair = try EndpointPair(transport, ["HANDFAST_SHM_HEAP_BYTES": limit])
        let (near, far) = try pair.connect()
        for byteCount in [0, 1, 4095, 4096, 100_000, 3 << 20] {
            let memory = try pair.near.allocate(byteCount: byteCount)
            let room = try pair.far.allocate(byteCount: byteCount)
            #expect(memory.count == byteCount && isAligned(memory) && isAligned(room))
            for index in memory.indices { memory[index] = UInt8(truncatingIfNeeded: index * 7) }
            let receive = try pair.far.receive(into: room, from: far)
            let send = try near.send(UnsafeRawBufferPointer(memory))
            pair.run("\(byteCount) bytes") { send.isComplete && receive.isComplete }
            #expect(try receive.result()?.byteCount == byteCount)
            _ = try send.result()
            #expect(memory.elementsEqual(room))
            try pair.near.deallocate(memory)
            try pair.far.deallocate(room)
        }
    }

    @Test(arguments: ["4g", "0"]) func `is given back once, by its own endpoint, from its beginning`(limit: String)
        throws
    {
        let environment = ["HANDFAST_SHM_HEAP_BYTES": limit]
        let endpoint = try Endpoint(name: "one", transports: definitions, environment: environment)
        let other = try Endpoint(name: "other", transports: definitions, environment: environment)
        let memory = try endpoint.allocate(byteCount: 100)
        let kept = try endpoint.allocate(byteCount: 100)
        func isRefused(_ memory: UnsafeMutableRawBufferPointer, by endpoint: Endpoint) -> Bool {
            let error = #expect(throws: HandfastError.self) { try endpoint.deallocate(memory) }
            return error?.code == .invalidArgument
        }
        #expect(isRefused(UnsafeMutableRawBufferPointer(rebasing: memory[64...]), by: endpoint))
        #expect(isRefused(memory, by: other))
        #expect(isRefused(UnsafeMutableRawBufferPointer(start: nil, count: 0), by: endpoint))
        try endpoint.deallocate(memory)
        #expect(isRefused(memory, by: endpoint))
        kept.initializeMemory(as: UInt8.self, repeating: 1)
        for byteCount in [-1, Int.min, .max] {
            let error = #expect(throws: HandfastError.self) { try endpoint.allocate(byteCount: byteCount) }
            #expect(error?.code == (byteCount < 0 ? .invalidArgument : .resources))
        }
    }

    @Test func `outlives connections`() throws {
        let pair = try EndpointPair("shm")
        let memory = try pair.near.allocate(byteCount: 100_000)
        for round in 0..<3 as Range<UInt8> {
            let (near, far) = try pair.connect()
            memory.initializeMemory(as: UInt8.self, repeating: round)
            let room = Payload(byteCount: 100_000)
            let receive = try pair.far.receive(into: room.mutable, from: far)
            let send = try near.send(UnsafeRawBufferPointer(memory))
            pair.run("round \(round)") { send.isComplete && receive.isComplete }
            _ = try (send.result(), receive.result())
            #expect(room.bytes.allSatisfy { $0 == round })
            near.close()
            far.close()
            pair.run("the end") { near.state == .closed && far.state == .closed }
        }
        try pair.near.deallocate(memory)
    }
}
