/// Every message of the handshake.
public enum PreconMessage: Hashable, Sendable {
    case version(VersionOffer)
    /// The start of a direct connect, and the answer to every connect.
    case connectionInfo(ConnectionInfo)
    case connectionInfoOnDemand(ConnectionInfo)
    /// "Please connect to me."
    case backConnect(ConnectionInfo)
    case backAcknowledgement
    /// The precon over RRComm joins CON_INFO and VERSION; `socket` is the sender's own.
    case connectionInfoVersion(ConnectionInfo, VersionOffer, socket: UInt32)
    case connectionInfoVersionOnDemand(ConnectionInfo, VersionOffer, socket: UInt32)
    /// The starter proposes a transport by its number.
    case transportRequest(UInt32)
    case transportAccepted
    /// A pscom peer gives no reason.
    case transportRefused(Refusal?)
    /// What the two ends of a transport tell each other; `number` is 1 to 4.
    case step(number: Int, payload: [UInt8])
    case peerInfo(PeerInfo)
    case reject(Rejection)
    case endOfMessages
}
