import Glibc
import LoopbackTransport
import SharedMemoryTransport
import TCPTransport
public import TransportTesting
import VerbsTransport

/// Every transport that the conformance suite is run over; in an environment with VERBS_ADDRESSES or VERBS_IWARP_ADDRESSES it is
/// verbs alone, once for each.
///
/// Either variable has the IPv4 addresses of two interfaces whose RDMA devices reach each other, `10.1.0.1,10.1.0.2`; the
/// second of two iWARP devices.
public let transportsUnderTest =
    verbsUnderTest.isEmpty
    ? [
        TransportUnderTest(TCPTransport.definition),
        TransportUnderTest(SharedMemoryTransport.definition),
        TransportUnderTest(LoopbackTransport.definition, reach: .itself),
    ] : verbsUnderTest

private let verbsUnderTest = [("verbs", "VERBS_ADDRESSES"), ("verbs-iwarp", "VERBS_IWARP_ADDRESSES")].compactMap {
    name, variable -> TransportUnderTest? in
    guard let text = getenv(variable).map({ String(cString: $0) }) else { return nil }
    let addresses = text.split(separator: ",").map { $0.split(separator: ".").compactMap { UInt8($0) } }
    precondition(addresses.count == 2 && addresses.allSatisfy { $0.count == 4 }, "\(variable)=\(text)")
    return TransportUnderTest(
        VerbsTransport.definition, name: name, peerOfNear: addresses[1], peerOfFar: addresses[0],
        peerVariables: ["\(variable)=\(text)"])
}
