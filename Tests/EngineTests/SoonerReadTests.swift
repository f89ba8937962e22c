import CHandfast
@testable import Handfast
import SharedMemoryTransport
import Testing
import TransportAPI

/// Shared memory that says of payloads with an odd number of bytes that they are read sooner.
private final class OddTransport: Transport {
    static let definition = TransportDefinition(
        name: "shm", number: SharedMemoryTransport.definition.number, summary: "reads what is odd",
        make: { _ throws(TransportRefusal) in OddTransport(try SharedMemoryTransport()) })

    private let inner: SharedMemoryTransport
    let operations: UnsafePointer<hf_transport_operations>
    var state: UnsafeMutableRawPointer { inner.state }
    var descriptor: Int32 { inner.descriptor }

    init(_ inner: SharedMemoryTransport) {
        self.inner = inner
        let table = UnsafeMutablePointer<hf_transport_operations>.allocate(capacity: 1)
        table.initialize(to: inner.operations.pointee)
        table.pointee.read_is_sooner = { _, _, byteCount, isOwn in isOwn != 0 ? Int32(byteCount % 2) : 0 }
        operations = UnsafePointer(table)
    }

    deinit { operations.deallocate() }

    func makeAttempt(_ role: AttemptRole, with peer: PeerDescription) throws(TransportRefusal) -> any TransportAttempt {
        try inner.makeAttempt(role, with: peer)
    }
}

@Suite struct `A payload that is sooner read` {
    /// - Parameter stays: with the sender until somebody receives it.
    private func send(_ byteCount: Int, stays: Bool, _ settings: [String: String] = [:]) throws {
        let pair = try EndpointPair(definitions: [OddTransport.definition], near: settings, far: settings)
        let (near, far) = try pair.connect()
        let (sent, room) = (Payload(byteCount: byteCount, seed: 1), Payload(byteCount: byteCount))
        let send = try near.send(sent.bytes)
        for _ in 0..<100 { pair.driveBoth() }
        #expect(send.isComplete == !stays)
        _ = try pair.finish(try pair.far.receive(into: room.mutable, from: far))
        _ = try pair.finish(send)
        #expect(room == sent)
    }

    @Test func `stays with its sender`() throws { try send(20_001, stays: true) }

    @Test func `is one of which the transport says so`() throws { try send(20_000, stays: false) }

    @Test func `is no short one`() throws { try send(16_383, stays: false) }

    @Test func `begins where the user wants it`() throws {
        try send(1_023, stays: false, ["HANDFAST_RENDEZVOUS_BYTES": "read=1k"])
        try send(1_025, stays: true, ["HANDFAST_RENDEZVOUS_BYTES": "read=1k"])
    }

    @Test func `leaves the credit as it is, which it does not lack`() throws {
        let pair = try EndpointPair(definitions: [OddTransport.definition], near: [:], far: [:])
        let (near, far) = try pair.connect()
        let (sent, room) = (Payload(byteCount: 20_001, seed: 1), Payload(byteCount: 20_001))
        let before = pair.far.state.pointee.reservedByteCount
        for _ in 0..<50 {
            let send = try near.send(sent.bytes)
            _ = try pair.finish(try pair.far.receive(into: room.mutable, from: far))
            _ = try pair.finish(send)
        }
        #expect(pair.far.state.pointee.reservedByteCount == before)
    }
}
