import Handfast
import Testing

@Suite struct `A flush of an endpoint` {
    @Test(arguments: ["shm", "tcp"], 0..<3)
    func `waits for what was put on every connection`(transport: String, idle: Int) throws {
        let environment = ["HANDFAST_TRANSPORTS": transport]
        let near = try Endpoint(name: "near", transports: definitions, environment: environment)
        let peers = try (0..<3).map {
            try Endpoint(name: "peer\($0)", transports: definitions, environment: environment)
        }
        let data = Payload(byteCount: 8, seed: 1)
        let memories = peers.map { _ in Payload(byteCount: 8) }
        var puts: [Request] = []
        for (peer, memory) in zip(peers, memories) {
            try peer.listen(on: IPAddress("127.0.0.1"))
            let (connection, _) = try OneSidedPair.connect(near, peer)
            let region = try peer.register(memory: memory.mutable, permissions: .write)
            puts.append(try connection.put(data.bytes, to: RemoteMemory(key: region.key)))
        }
        let flush = try near.flush()
        // One of the peers does nothing.
        let others = peers.indices.filter { $0 != idle }
        OneSidedPair.run([near] + others.map { peers[$0] }, "all others are done") {
            others.allSatisfy { puts[$0].isComplete }
        }
        for _ in 0..<100 { for endpoint in [near] + others.map({ peers[$0] }) { endpoint.progress() } }
        #expect(!flush.isComplete && !puts[idle].isComplete)
        OneSidedPair.run([near] + peers, "it is complete") { flush.isComplete }
        #expect(puts.allSatisfy { $0.isComplete })
        for request in puts + [flush] { _ = try request.result() }
        for memory in memories { #expect(memory == data) }
    }
}
