import Precon

/// A message beside the bytes that the wire description gives for it.
struct Vector: Sendable {
    let message: PreconMessage
    let type: UInt32
    let payload: [UInt8]

    var frame: [UInt8] {
        func bigEndian(_ value: UInt32) -> [UInt8] { [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: value >> $0) } }
        return bigEndian(type) + bigEndian(UInt32(payload.count)) + payload
    }

    static let info = ConnectionInfo(
        origin: .tcp(port: 0x1234), node: 0x7f00_0001, rank: -1, connectionID: 1, name: WireName("rank0"))
    private static let infoBytes: [UInt8] =
        [0x34, 0x12, 0, 0] + zeros(12) + [1, 0, 0, 0x7f] + [0xff, 0xff, 0xff, 0xff]
        + [1, 0, 0, 0, 0, 0, 0, 0] + Array("rank0".utf8) + zeros(3)

    private static let overRRComm = ConnectionInfo(
        origin: .rrcomm(job: 0x0102, socket: 3), node: 0, rank: 7, connectionID: 9, name: WireName("r0000007"))
    private static let overRRCommBytes: [UInt8] =
        [2, 1, 0, 0, 0, 0, 0, 0] + [3, 0, 0, 0] + zeros(4) + zeros(4) + [7, 0, 0, 0]
        + [9, 0, 0, 0, 0, 0, 0, 0] + Array("r0000007".utf8)

    private static let pscom = VersionOffer(lowest: 0x0200, highest: 0x0200, handfast: nil)
    private static let pscomBytes: [UInt8] = [0, 2, 0, 0, 0, 2, 0, 0]

    static let handfastVersion = Vector(
        message: .version(
            VersionOffer(
                lowest: 0x0200, highest: 0x0300,
                handfast: .init(
                    features: 1, incarnation: 0x0102_0304_0506_0708, nonce: .init(high: 0x1011, low: 0x2021)))),
        type: 0x10_0003,
        payload: [0, 2, 0, 0, 0, 3, 0, 0] + zeros(7) + [1] + [1, 2, 3, 4, 5, 6, 7, 8]
            + zeros(6) + [0x10, 0x11] + zeros(6) + [0x20, 0x21])

    private static let peerInfo = Vector(
        message: .peerInfo(
            {
                var info = PeerInfo()
                info.name = "storage"
                info.host = .init(bootIDHigh: 1, bootIDLow: 2, ipcNamespace: 3, pidNamespace: 4)
                info.addresses = [
                    .init(bytes: [10, 0, 0, 1], port: 5000, priority: 9),
                    .init(bytes: zeros(15) + [1], port: 5001, priority: 1),
                ]
                info.processID = 77
                info.implementation = "hf"
                info.applicationValue = 0xdead_beef
                return info
            }()),
        type: 0x10_0020,
        payload: [0, 1, 0, 7] + Array("storage".utf8)
            + [0, 2, 0, 32] + [1, 2, 3, 4].flatMap { zeros(7) + [$0] }
            + [0, 3, 0, 7, 9, 0x13, 0x88, 10, 0, 0, 1]
            + [0, 3, 0, 19, 1, 0x13, 0x89] + zeros(15) + [1]
            + [0, 4, 0, 4, 0, 0, 0, 77] + [0, 5, 0, 2] + Array("hf".utf8)
            + [0, 6, 0, 4, 0xde, 0xad, 0xbe, 0xef])

    static let all: [Vector] =
        [
            Vector(message: .endOfMessages, type: 0x10_0000, payload: []),
            Vector(message: .connectionInfo(info), type: 0x10_0002, payload: infoBytes),
            Vector(message: .version(pscom), type: 0x10_0003, payload: pscomBytes),
            handfastVersion,
            Vector(message: .connectionInfoOnDemand(info), type: 0x10_0004, payload: infoBytes),
            Vector(message: .backConnect(info), type: 0x10_0005, payload: infoBytes),
            Vector(message: .backAcknowledgement, type: 0x10_0006, payload: []),
            Vector(
                message: .connectionInfoVersionOnDemand(overRRComm, pscom, socket: 5), type: 0x10_0007,
                payload: overRRCommBytes + pscomBytes + [5, 0, 0, 0] + zeros(4)),
            Vector(
                message: .connectionInfoVersion(overRRComm, pscom, socket: 5), type: 0x10_0008,
                payload: overRRCommBytes + pscomBytes + [5, 0, 0, 0] + zeros(4)),
            Vector(message: .transportRequest(103), type: 0x10_0010, payload: [103, 0, 0, 0]),
            Vector(message: .transportAccepted, type: 0x10_0011, payload: []),
            Vector(message: .transportRefused(nil), type: 0x10_0012, payload: []),
            Vector(
                message: .transportRefused(Refusal(.unreachable, "other host")), type: 0x10_0012,
                payload: [0, 3] + Array("other host".utf8)),
            peerInfo,
            Vector(
                message: .reject(Rejection(.unknownName, "no rank9 here")), type: 0x10_0024,
                payload: [0, 1] + Array("no rank9 here".utf8)),
        ]
        + (1...4).map { Vector(message: .step(number: $0, payload: [7]), type: 0x10_0012 + UInt32($0), payload: [7]) }

    private static func zeros(_ count: Int) -> [UInt8] { [UInt8](repeating: 0, count: count) }
}
