import Glibc
import LoopbackTransport
import SharedMemoryTransport
import TCPTransport
public import TransportTesting
import VerbsTransport

/// Every transport that the conformance suite is run over; in an environment with VERBS_ADDRESSES it is verbs alone.
///
/// The variable has the IPv4 addresses of two interfaces whose RDMA devices reach each other: `10.1.0.1,10.1.0.2`.
public let transportsUnderTest =
    verbsUnderTest.map { [$0] } ?? [
        TransportUnderTest(TCPTransport.definition),
        TransportUnderTest(SharedMemoryTransport.definition),
        TransportUnderTest(LoopbackTransport.definition, reach: .itself),
    ]

private var verbsUnderTest: TransportUnderTest? {
    guard let text = getenv("VERBS_ADDRESSES").map({ String(cString: $0) }) else { return nil }
    let addresses = text.split(separator: ",").map { $0.split(separator: ".").compactMap { UInt8($0) } }
    precondition(addresses.count == 2 && addresses.allSatisfy { $0.count == 4 }, "VERBS_ADDRESSES=\(text)")
    return TransportUnderTest(
        VerbsTransport.definition, peerOfNear: addresses[1], peerOfFar: addresses[0],
        peerVariables: ["VERBS_ADDRESSES=\(text)"])
}
