/// What is wrong with bytes that a peer sent during the handshake.
///
/// Each case carries what arrived and what is allowed, so that the text a user sees says both.
public enum PreconError: Error, Hashable, Sendable {
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
