public import CHandfast
import CSystem
import Glibc
public import TransportAPI

/// Moves bytes over the TCP stream on which the handshake ran. Works wherever the handshake did.
// Safe: the state is made here, freed here, and handed out only as the transport API says.
@safe public final class TCPTransport: Transport {
    public static let definition = TransportDefinition(
        name: "tcp", number: 103, summary: "the TCP stream that the handshake ran on",
        make: { _ throws(TransportRefusal) in try TCPTransport() })

    public let operations: UnsafePointer<hf_transport_operations>
    public let state: UnsafeMutableRawPointer
    /// The epoll descriptor of all its connections.
    public let descriptor: Int32

    public init() throws(TransportRefusal) {
        descriptor = csystem_epoll_make()
        guard descriptor >= 0 else {
            throw TransportRefusal(.resources, "no descriptor for epoll (errno \(-descriptor))")
        }
        unsafe operations = TCPChannel.makeOperations()
        unsafe state = UnsafeMutableRawPointer(TCPState.make(epoll: descriptor))
    }

    deinit {
        unsafe TCPState.destroy(state.assumingMemoryBound(to: TCPState.self))
        unsafe operations.deallocate()
        close(descriptor)
    }

    public func makeAttempt(
        _ role: AttemptRole, with peer: PeerDescription
    ) throws(TransportRefusal) -> any TransportAttempt {
        unsafe TCPAttempt(state: state.assumingMemoryBound(to: TCPState.self))
    }
}
