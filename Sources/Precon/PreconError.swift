/// What is wrong with bytes that a peer sent during the handshake.
///
/// Each case carries what arrived and what is allowed, so that the text a user sees says both.
public enum PreconError: Error, Hashable, Sendable {
    /// A stream begins as none of this protocol does.
    case foreignProtocol(firstBytes: [UInt8])
    /// A frame announces more payload than `FrameHeader.maximumPayloadByteCount`.
    case payloadTooLong(byteCount: UInt32, limit: UInt32)
    /// A payload has a size that its message type does not allow.
    case wrongSize(type: MessageType, byteCount: Int, allowed: String)
    /// CON_INFO in the 24-byte form of pscom 5, which cannot interoperate although it names the same version.
    case connectionInfoOfPscom5
    /// A number that is only meaningful inside a process arrived from the wire.
    case localMessageFromWire(type: UInt32)
    /// An entry of PEER_INFO reaches past the payload, or has the wrong size for its kind.
    case malformedPeerInfo(kind: UInt16, byteCount: Int)
}

extension PreconError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .foreignProtocol(let bytes):
            "it does not speak this protocol; its first bytes are \"\(Self.text(bytes))\""
        case .payloadTooLong(let byteCount, let limit):
            "a frame announces \(byteCount) bytes; at most \(limit) are allowed"
        case .wrongSize(let type, let byteCount, let allowed):
            "\(type) has \(byteCount) bytes; allowed: \(allowed)"
        case .connectionInfoOfPscom5:
            "CON_INFO has 24 bytes, the form of pscom 5.7 to 5.9; pscom 6 or Handfast is needed"
        case .localMessageFromWire(let type):
            "message 0x\(String(type, radix: 16)) is local to a process and must not be sent"
        case .malformedPeerInfo(let kind, let byteCount):
            "entry \(kind) of PEER_INFO is malformed (\(byteCount) bytes)"
        }
    }
}

extension PreconError {
    /// Enough to know HTTP, SSH or SMTP by.
    private static let shownByteCount = 16

    /// Of a stream whose first frame is too long or does not come whole: nil unless its type is none of ours.
    public init?(ofStreamBeginningWith bytes: some Collection<UInt8>) {
        let known = MessageType.allCases.map(\.rawValue) + MessageType.localOnly
        let type = bytes.prefix(4)
        let isOurs = known.contains { number in
            type.elementsEqual((0..<type.count).map { UInt8(truncatingIfNeeded: number >> (24 - 8 * $0)) })
        }
        guard !isOurs else { return nil }
        self = .foreignProtocol(firstBytes: Array(bytes.prefix(Self.shownByteCount)))
    }

    /// Printable characters of ASCII, with dots in the place of others.
    private static func text(_ bytes: [UInt8]) -> String {
        String(decoding: bytes.map { (0x20...0x7e).contains($0) ? $0 : 0x2e }, as: UTF8.self)
    }
}
