import LoopbackTransport
import TCPTransport
public import TransportTesting

/// Every transport that the conformance suite is run over.
public let transportsUnderTest = [
    TransportUnderTest(TCPTransport.definition),
    TransportUnderTest(LoopbackTransport.definition, reach: .itself),
]
