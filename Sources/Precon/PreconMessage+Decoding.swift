extension PreconMessage {
    /// Reads one message.
    /// - Parameters:
    ///   - type: the number from the frame's header.
    ///   - payload: as many bytes as the header announced.
    /// - Returns: nil for a number that is not known: such a message is to be ignored.
    /// - Throws: what is wrong with the payload.
    public init?(type number: UInt32, payload: ArraySlice<UInt8>) throws(PreconError) {
        guard !MessageType.localOnly.contains(number) else { throw .localMessageFromWire(type: number) }
        guard let type = MessageType(rawValue: number) else { return nil }
        switch type {
        case .version: self = .version(try VersionOffer(decoding: payload))
        case .connectionInfo:
            self = .connectionInfo(try Self.connectionInfo(type, payload, allowed: 40...40))
        case .connectionInfoOnDemand:
            self = .connectionInfoOnDemand(try Self.connectionInfo(type, payload, allowed: 40...Int.max))
        case .backConnect:
            self = .backConnect(try Self.connectionInfo(type, payload, allowed: 40...Int.max))
        case .connectionInfoVersion:
            let (info, version, socket) = try Self.connectionInfoVersion(type, payload)
            self = .connectionInfoVersion(info, version, socket: socket)
        case .connectionInfoVersionOnDemand:
            let (info, version, socket) = try Self.connectionInfoVersion(type, payload)
            self = .connectionInfoVersionOnDemand(info, version, socket: socket)
        case .backAcknowledgement: self = try Self.empty(.backAcknowledgement, type, payload)
        case .transportAccepted: self = try Self.empty(.transportAccepted, type, payload)
        case .endOfMessages: self = try Self.empty(.endOfMessages, type, payload)
        case .transportRequest:
            var reader = ByteReader(payload)
            guard payload.count == 4, let transport = reader.readLittleEndian(UInt32.self) else {
                throw .wrongSize(type: type, byteCount: payload.count, allowed: "4")
            }
            self = .transportRequest(transport)
        case .transportRefused:
            var reader = ByteReader(payload)
            let refusal = Refusal(reading: &reader)
            guard payload.isEmpty || refusal != nil else {
                throw .wrongSize(type: type, byteCount: payload.count, allowed: "0, or 2 and more")
            }
            self = .transportRefused(refusal)
        case .reject:
            var reader = ByteReader(payload)
            guard let rejection = Rejection(reading: &reader) else {
                throw .wrongSize(type: type, byteCount: payload.count, allowed: "2 and more")
            }
            self = .reject(rejection)
        case .step1, .step2, .step3, .step4:
            self = .step(number: Int(number - MessageType.step1.rawValue) + 1, payload: Array(payload))
        case .peerInfo: self = .peerInfo(try PeerInfo(decoding: payload))
        }
    }

    private static func empty(
        _ message: PreconMessage, _ type: MessageType, _ payload: ArraySlice<UInt8>
    ) throws(PreconError) -> PreconMessage {
        guard payload.isEmpty else { throw .wrongSize(type: type, byteCount: payload.count, allowed: "0") }
        return message
    }

    private static func connectionInfo(
        _ type: MessageType, _ payload: ArraySlice<UInt8>, allowed: ClosedRange<Int>
    ) throws(PreconError) -> ConnectionInfo {
        guard payload.count != ConnectionInfo.pscom5ByteCount else { throw .connectionInfoOfPscom5 }
        var reader = ByteReader(payload)
        guard allowed.contains(payload.count), let info = ConnectionInfo(reading: &reader, overRRComm: false) else {
            let limit = allowed.upperBound == Int.max ? " and more" : ""
            throw .wrongSize(type: type, byteCount: payload.count, allowed: "\(allowed.lowerBound)\(limit)")
        }
        return info
    }

    private static func connectionInfoVersion(
        _ type: MessageType, _ payload: ArraySlice<UInt8>
    ) throws(PreconError) -> (ConnectionInfo, VersionOffer, socket: UInt32) {
        var reader = ByteReader(payload)
        guard payload.count == 56, let info = ConnectionInfo(reading: &reader, overRRComm: true),
            let version = reader.readBytes(VersionOffer.pscomByteCount),
            let socket = reader.readLittleEndian(UInt32.self)
        else { throw .wrongSize(type: type, byteCount: payload.count, allowed: "56") }
        return (info, try VersionOffer(decoding: version), socket)
    }
}
