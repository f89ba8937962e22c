/// How a message was longer than the room of the receive that took it. What fitted is there.
public struct Truncation: Hashable, Sendable {
    /// Payload as it was sent, in bytes.
    public let byteCount: Int
    /// Room for the payload, in bytes.
    public let roomByteCount: Int
    /// User header as it was sent, in bytes.
    public let headerByteCount: Int
    /// Room for the user header, in bytes; nil when the receive did not ask for it.
    public let headerRoomByteCount: Int?

    /// A handle cannot be shared between threads, its bits can.
    private let connectionAddress: UInt
    private let connectionGeneration: UInt64

    /// Where the message came from; for use on its endpoint's thread.
    public var connection: Connection? {
        UnsafeMutablePointer<ConnectionSlot>(bitPattern: connectionAddress).map {
            Connection($0, generation: connectionGeneration)
        }
    }

    init(_ request: UnsafeMutablePointer<RequestSlot>) {
        byteCount = request.pointee.arrivedPayloadByteCount
        roomByteCount = request.pointee.payloadByteCount
        headerByteCount = request.pointee.arrivedHeaderByteCount
        headerRoomByteCount = request.pointee.userHeader == nil ? nil : request.pointee.userHeaderByteCount
        connectionAddress = UInt(bitPattern: request.pointee.connection)
        connectionGeneration = request.pointee.connectionGeneration
    }
}

extension HandfastError {
    init(_ truncation: Truncation) {
        let headerRoom = truncation.headerRoomByteCount.map { "\($0)" } ?? "none"
        self.init(
            .truncated,
            "the message has \(truncation.byteCount) bytes and a header of \(truncation.headerByteCount); "
                + "the receive had room for \(truncation.roomByteCount) and \(headerRoom)")
        self.truncation = truncation
    }
}
