import LoopbackTransport
import SharedMemoryTransport
import TCPTransport
public import TransportTesting

/// Every transport that the conformance suite is run over.
public let transportsUnderTest = [
    TransportUnderTest(TCPTransport.definition),
    TransportUnderTest(SharedMemoryTransport.definition),
    TransportUnderTest(LoopbackTransport.definition, reach: .itself),
]
