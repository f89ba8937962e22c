import Glibc
import TransportTesting

/// The suite for one transport, with the peer program that is built beside the tests.
func conformance(_ transport: TransportUnderTest) -> TransportConformance {
    var path = [CChar](repeating: 0, count: 4096)
    let count = readlink("/proc/self/exe", &path, path.count)
    let tests = path[..<max(0, count)].map { UInt8(bitPattern: $0) }
    let folder = tests[..<(tests.lastIndex(of: UInt8(ascii: "/")) ?? 0)]
    return TransportConformance(transport, peerExecutable: String(decoding: folder, as: UTF8.self) + "/TransportPeer")
}
