import Glibc
import LoopbackTransport
import SharedMemoryTransport
import TCPTransport
import TransportAPI
import TransportPlugins
public import TransportTesting
import VerbsTransport

/// Every transport that the conformance suite is run over.
///
/// In an environment with CONFORMANCE_PLUGIN, the path of a shared object, it is the transport in that alone; with VERBS_ADDRESSES
/// or VERBS_IWARP_ADDRESSES it is verbs alone, once for each. These variables, and CONFORMANCE_ADDRESSES for the shared object,
/// have the IPv4 addresses of two interfaces that reach each other: `10.1.0.1,10.1.0.2`; the second of two iWARP devices.
/// CONFORMANCE_REACH=itself says that the object's transport only joins an endpoint to itself.
public let transportsUnderTest =
    pluginUnderTest.map { [$0] } ?? (verbsUnderTest.isEmpty ? ofThisPackage : verbsUnderTest)

private let ofThisPackage = [
    TransportUnderTest(TCPTransport.definition),
    TransportUnderTest(SharedMemoryTransport.definition),
    TransportUnderTest(LoopbackTransport.definition, reach: .itself),
]

private let verbsUnderTest = [("verbs", "VERBS_ADDRESSES"), ("verbs-iwarp", "VERBS_IWARP_ADDRESSES")].compactMap {
    name, setting -> TransportUnderTest? in
    guard let text = variable(setting) else { return nil }
    let (near, far) = addresses(text)
    return TransportUnderTest(
        VerbsTransport.definition, name: name, peerOfNear: far, peerOfFar: near, peerVariables: ["\(setting)=\(text)"])
}

private var pluginUnderTest: TransportUnderTest? {
    guard let path = variable("CONFORMANCE_PLUGIN") else { return nil }
    let (near, far) = addresses(variable("CONFORMANCE_ADDRESSES") ?? "127.0.0.1,127.0.0.1")
    let reach = variable("CONFORMANCE_REACH") ?? "processes"
    precondition(
        ["processes", "itself"].contains(reach), "CONFORMANCE_REACH=\(reach): processes or itself are allowed")
    let definition = TransportPlugins.definition(ofFileAt: path, beside: Neighbours([], settings: []))
    let settings = definition.settings.compactMap { row in variable(row.name).map { (row.name, $0) } }
    let forPeer =
        ["CONFORMANCE_PLUGIN", "CONFORMANCE_ADDRESSES", "CONFORMANCE_REACH", "LD_LIBRARY_PATH"]
        + settings.map(\.0)
    return TransportUnderTest(
        definition, reach: reach == "itself" ? .itself : .otherProcesses,
        environment: Dictionary(uniqueKeysWithValues: settings), peerOfNear: far, peerOfFar: near,
        peerVariables: forPeer.compactMap { name in variable(name).map { "\(name)=\($0)" } })
}

private func addresses(_ text: String) -> (near: [UInt8], far: [UInt8]) {
    let addresses = text.split(separator: ",").map { $0.split(separator: ".").compactMap { UInt8($0) } }
    precondition(
        addresses.count == 2 && addresses.allSatisfy { $0.count == 4 }, "\(text) is not two IPv4 addresses")
    return (addresses[0], addresses[1])
}

private func variable(_ name: String) -> String? { getenv(name).map { String(cString: $0) } }
