import CHandfast
import SharedMemoryTransport
import TransportAPI

/// Shared memory that says of payloads with an odd number of bytes that they are read sooner.
final class OddTransport: Transport {
    static let definition = makeDefinition { OddTransport($0, table(of: $0)) }
    /// What is read turns out not to be readable, as memory of a device is not.
    static let blindDefinition = makeDefinition {
        // The same for all.
        reads = $0.operations.pointee.read
        var table = table(of: $0)
        table.read = { reads?($0, $1, 4_096, $3, $4) ?? 0 }
        return OddTransport($0, table)
    }

    nonisolated(unsafe) private static var reads:
        (
            @convention(c) (
                UnsafeMutableRawPointer?, UnsafeMutableRawPointer?, UInt64, UInt64, UInt64
            ) -> Int32
        )?

    private let inner: SharedMemoryTransport
    let operations: UnsafePointer<hf_transport_operations>
    var state: UnsafeMutableRawPointer { inner.state }
    var descriptor: Int32 { inner.descriptor }

    private static func makeDefinition(
        _ make: @escaping @Sendable (SharedMemoryTransport) -> OddTransport
    ) -> TransportDefinition {
        TransportDefinition(
            name: "shm", number: SharedMemoryTransport.definition.number, summary: "reads what is odd",
            make: { _ throws(TransportRefusal) in make(try SharedMemoryTransport()) })
    }

    private static func table(of inner: SharedMemoryTransport) -> hf_transport_operations {
        var table = inner.operations.pointee
        table.read_is_sooner = { _, _, byteCount, isOwn in isOwn != 0 ? Int32(byteCount % 2) : 0 }
        return table
    }

    private init(_ inner: SharedMemoryTransport, _ operations: hf_transport_operations) {
        self.inner = inner
        let table = UnsafeMutablePointer<hf_transport_operations>.allocate(capacity: 1)
        table.initialize(to: operations)
        self.operations = UnsafePointer(table)
    }

    deinit { operations.deallocate() }

    func makeAttempt(_ role: AttemptRole, with peer: PeerDescription) throws(TransportRefusal) -> any TransportAttempt {
        try inner.makeAttempt(role, with: peer)
    }
}
