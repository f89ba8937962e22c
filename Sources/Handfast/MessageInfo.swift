/// What is known of a message before it is received.
public struct MessageInfo: Hashable {
    /// Where it came from.
    public let connection: Connection
    /// The first eight bytes of its user header as a little-endian number; zeros follow a shorter one.
    public let tag: UInt64
    /// User header, in bytes.
    public let headerByteCount: Int
    /// Payload, in bytes.
    public let byteCount: Int
    /// All of the payload is here. Else it is still coming, waits for room, or lies in the peer's memory.
    public let isWhole: Bool

    init(_ message: UnsafeMutablePointer<UnexpectedMessage>, from connection: Connection) {
        // The user may close it from here on.
        if !connection.isStale { connection.slot.pointee.isKnownToUser = true }
        self.connection = connection
        tag = MessageTag.read(message.userHeaderBytes)
        headerByteCount = message.pointee.userHeaderByteCount
        byteCount = message.pointee.payloadByteCount
        isWhole = message.pointee.isWhole
    }
}

extension UnsafeMutablePointer<UnexpectedMessage> {
    /// - Parameter header: gets what fits of the user header.
    func info(header: UnsafeMutableRawBufferPointer?, from connection: Connection) -> MessageInfo {
        if let header { header.copyMemory(from: .init(rebasing: userHeaderBytes.prefix(header.count))) }
        return MessageInfo(self, from: connection)
    }
}
