/// What is known of a peer when a transport is asked whether it can reach it.
public struct PeerDescription: Hashable, Sendable {
    public var name: String
    /// Its IP address in network order, 4 or 16 bytes; empty when the handshake did not run over IP.
    public var address: [UInt8]
    /// Same kernel and same namespaces, as far as the peer says.
    public var isLocal: Bool
    /// The peer is this endpoint itself.
    public var isSelf: Bool

    public init(name: String, address: [UInt8], isLocal: Bool, isSelf: Bool = false) {
        self.name = name
        self.address = address
        self.isLocal = isLocal
        self.isSelf = isSelf
    }
}
