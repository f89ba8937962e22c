import LoopbackTransport
import SharedMemoryTransport
import TCPTransport
public import TransportAPI
import VerbsTransport

/// The transports of this package, in the order in which they are tried: what is nearer comes first.
///
/// The only place that names them all.
public let defaultTransports: [TransportDefinition] = [
    LoopbackTransport.definition,
    SharedMemoryTransport.definition,
    VerbsTransport.definition,
    TCPTransport.definition,
]
