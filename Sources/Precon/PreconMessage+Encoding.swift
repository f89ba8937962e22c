extension PreconMessage {
    /// The whole frame, header and payload, to be given to the socket in one write: a pscom peer may block on
    /// a header that comes alone.
    public var frame: [UInt8] {
        var payload = ByteWriter()
        let type = encodePayload(into: &payload)
        var frame = ByteWriter()
        frame.writeBigEndian(type.rawValue)
        frame.writeBigEndian(UInt32(payload.bytes.count))
        frame.write(payload.bytes)
        return frame.bytes
    }

    private func encodePayload(into writer: inout ByteWriter) -> MessageType {
        switch self {
        case .version(let offer):
            offer.encode(into: &writer)
            return .version
        case .connectionInfo(let info):
            info.encode(into: &writer)
            return .connectionInfo
        case .connectionInfoOnDemand(let info):
            info.encode(into: &writer)
            return .connectionInfoOnDemand
        case .backConnect(let info):
            info.encode(into: &writer)
            return .backConnect
        case .connectionInfoVersion(let info, let version, let socket):
            Self.encode(info, version, socket, into: &writer)
            return .connectionInfoVersion
        case .connectionInfoVersionOnDemand(let info, let version, let socket):
            Self.encode(info, version, socket, into: &writer)
            return .connectionInfoVersionOnDemand
        case .transportRequest(let transport):
            writer.writeLittleEndian(transport)
            return .transportRequest
        case .transportRefused(let refusal):
            refusal?.encode(into: &writer)
            return .transportRefused
        case .step(let number, let payload):
            precondition((1...4).contains(number), "steps are numbered 1 to 4")
            writer.write(payload)
            return MessageType(rawValue: MessageType.step1.rawValue + UInt32(number - 1))!
        case .peerInfo(let info):
            info.encode(into: &writer)
            return .peerInfo
        case .reject(let rejection):
            rejection.encode(into: &writer)
            return .reject
        case .backAcknowledgement: return .backAcknowledgement
        case .transportAccepted: return .transportAccepted
        case .endOfMessages: return .endOfMessages
        }
    }

    private static func encode(
        _ info: ConnectionInfo, _ version: VersionOffer, _ socket: UInt32, into writer: inout ByteWriter
    ) {
        info.encode(into: &writer)
        writer.writeLittleEndian(version.lowest)
        writer.writeLittleEndian(version.highest)
        writer.writeLittleEndian(socket)
        writer.writeLittleEndian(UInt32(0))
    }
}
