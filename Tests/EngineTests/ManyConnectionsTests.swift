import CHandfast
import Glibc
import Handfast
import SharedMemoryTransport
import TCPTransport
import Testing
import TransportAPI

/// Says that it can be watched, and cannot.
private final class UnwatchableAttempt: TransportAttempt {
    let descriptor: Int32 = 1_000_000
    let takesSocket = false

    func advance(step: [UInt8]?) throws(TransportRefusal) -> AttemptProgress { .wait }

    func open(
        socket: Int32, engine: UnsafePointer<hf_engine_operations>, connection: UnsafeMutableRawPointer
    ) -> UnsafeMutableRawPointer { connection }
}

private final class UnwatchableTransport: Transport {
    let operations: UnsafePointer<hf_transport_operations>
    var state: UnsafeMutableRawPointer { UnsafeMutableRawPointer(mutating: operations) }
    let descriptor: Int32 = -1

    static let definition = TransportDefinition(
        name: "odd", number: 0x7777, summary: "never ready", make: { _ in UnwatchableTransport() })

    init() {
        let table = UnsafeMutablePointer<hf_transport_operations>.allocate(capacity: 1)
        table.initialize(to: hf_transport_operations())
        table.pointee.poll = { _ in 0 }
        table.pointee.arm = { _ in 0 }
        operations = UnsafePointer(table)
    }

    func makeAttempt(_ role: AttemptRole, with peer: PeerDescription) throws(TransportRefusal) -> any TransportAttempt {
        UnwatchableAttempt()
    }
}

@Suite struct `Many connections` {
    @Test func `at once all get the transport that they would get one by one`() throws {
        let pair = try EndpointPair(definitions: definitions, near: [:], far: [:])
        let address = try #require(pair.far.address)
        let connections = try (0..<100).map { _ in try pair.near.connect(to: address) }
        pair.run("all are up") { connections.allSatisfy { $0.state != .connecting } }
        #expect(connections.count { $0.transport == "shm" } == 100, "\(connections[0].decisions)")
    }

    @Test func `to others keep no peer out`() throws {
        let pair = try EndpointPair(
            definitions: definitions, near: ["HANDFAST_PENDING_HANDSHAKES": "4"], far: [:])
        try pair.near.listen(on: IPAddress("127.0.0.1"))
        // Peers that take the call and say nothing: the system answers for an endpoint that makes no progress.
        let silent = try Endpoint(name: "silent", transports: definitions, environment: [:])
        let silentAddress = try silent.listen(on: IPAddress("127.0.0.1"))
        let calls = try (0..<10).map { _ in try pair.near.connect(to: silentAddress) }
        for _ in 0..<100 { pair.driveBoth() }
        #expect(calls.allSatisfy { $0.state == .connecting })
        let connection = try pair.far.connect(to: try #require(pair.near.address))
        pair.run("it is decided") { connection.state != .connecting }
        #expect(connection.state == .connected, "\(connection.error as Any)")
    }

    @Test func `that come and go leave nothing behind`() throws {
        let pair = try EndpointPair(definitions: definitions, near: [:], far: [:])
        let address = try #require(pair.far.address)
        for round in 0..<300 {
            let connection = try pair.near.connect(to: address)
            for _ in 0..<(round % 60) { pair.driveBoth() }
            if round % 3 == 0 { _ = try? connection.send(UnsafeRawBufferPointer(start: nil, count: 0)) }
            connection.close()
            while let accepted = pair.far.accept() { if round % 2 == 0 { accepted.close() } }
        }
        pair.near.close()
        pair.run("near is closed") { pair.near.isClosed }
        while let accepted = pair.far.accept() { accepted.close() }
        pair.far.close()
        pair.run("far is closed") { pair.far.isClosed }
    }
}

@Suite struct `An attempt that cannot be watched` {
    @Test func `is refused at once, and the next transport is tried`() throws {
        let all = [UnwatchableTransport.definition, TCPTransport.definition]
        let pair = try EndpointPair(definitions: all, near: [:], far: [:])
        let (near, _) = try pair.connect()
        #expect(near.transport == "tcp", "\(near.error as Any)")
    }
}
