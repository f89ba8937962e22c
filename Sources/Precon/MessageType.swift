/// The numbers of the messages that this library knows.
///
/// Source: Documentation/Wire.md, "Message types". A number not listed here is ignored on receipt: that is
/// how both dialects grow.
public enum MessageType: UInt32, Sendable, CaseIterable {
    case endOfMessages = 0x10_0000
    case connectionInfo = 0x10_0002
    case version = 0x10_0003
    case connectionInfoOnDemand = 0x10_0004
    case backConnect = 0x10_0005
    case backAcknowledgement = 0x10_0006
    case connectionInfoVersionOnDemand = 0x10_0007
    case connectionInfoVersion = 0x10_0008
    case transportRequest = 0x10_0010
    case transportAccepted = 0x10_0011
    case transportRefused = 0x10_0012
    case step1 = 0x10_0013
    case step2 = 0x10_0014
    case step3 = 0x10_0015
    case step4 = 0x10_0016
    case peerInfo = 0x10_0020
    case reject = 0x10_0024

    /// pscom uses these two inside a process to report a failed socket; from a wire they are a forgery.
    static let localOnly: ClosedRange<UInt32> = 0x0f_fffe...0x0f_ffff
}

extension MessageType: CustomStringConvertible {
    /// The wire's own name, as logs and packet captures show it.
    public var description: String {
        switch self {
        case .endOfMessages: "EOF"
        case .connectionInfo: "CON_INFO"
        case .version: "VERSION"
        case .connectionInfoOnDemand: "CON_INFO_DEMAND"
        case .backConnect: "BACK_CONNECT"
        case .backAcknowledgement: "BACK_ACK"
        case .connectionInfoVersionOnDemand: "CON_INFO_VERSION_DEMAND"
        case .connectionInfoVersion: "CON_INFO_VERSION"
        case .transportRequest: "ARCH_REQ"
        case .transportAccepted: "ARCH_OK"
        case .transportRefused: "ARCH_NEXT"
        case .step1: "STEP1"
        case .step2: "STEP2"
        case .step3: "STEP3"
        case .step4: "STEP4"
        case .peerInfo: "PEER_INFO"
        case .reject: "REJECT"
        }
    }
}
