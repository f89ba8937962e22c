import TransportAPI

/// What the starter sends in STEP 1: who it is, and where the answerer finds it.
struct Proposal: Hashable {
    static let format: UInt16 = 1
    static let byteCount = 58

    var bootNumber: Nonce
    /// Names the listener; see `Lobby.socketName`.
    var socket: Nonce
    /// Tells this attempt from the others of the endpoint.
    var token: Nonce
    /// For reports only; the kernel's word counts.
    var pid: UInt32
    var lineCount = UInt16(PairMemory.lineCount)
    var lineByteCount = UInt16(RingMemory.lineByteCount)

    var payload: [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(Proposal.byteCount)
        bytes.append(field: Proposal.format)
        bytes.append(nonce: bootNumber)
        bytes.append(nonce: socket)
        bytes.append(nonce: token)
        bytes.append(field: pid)
        bytes.append(field: lineCount)
        bytes.append(field: lineByteCount)
        return bytes
    }

    /// - Throws: `malformedStep` for bytes that no version sends, `unreachable` for another version or ring.
    static func parse(_ payload: [UInt8]) throws(TransportRefusal) -> Proposal {
        var reader = FieldReader(payload)
        guard let version = reader.read(UInt16.self) else {
            throw TransportRefusal(.malformedStep, "shared memory: step of \(payload.count) bytes")
        }
        guard version == format else {
            throw TransportRefusal(.unreachable, "the peer speaks shared memory format \(version), this side \(format)")
        }
        guard let bootNumber = reader.readNonce(), let socket = reader.readNonce(), let token = reader.readNonce(),
            let pid = reader.read(UInt32.self), let lineCount = reader.read(UInt16.self),
            let lineByteCount = reader.read(UInt16.self), reader.isAtEnd
        else {
            throw TransportRefusal(
                .malformedStep, "shared memory: step of \(payload.count) bytes instead of \(byteCount)")
        }
        guard Int(lineCount) == PairMemory.lineCount, Int(lineByteCount) == RingMemory.lineByteCount else {
            throw TransportRefusal(
                .unreachable,
                "the peer wants rings of \(lineCount) lines of \(lineByteCount) bytes, this side has "
                    + "\(PairMemory.lineCount) of \(RingMemory.lineByteCount)")
        }
        return Proposal(bootNumber: bootNumber, socket: socket, token: token, pid: pid)
    }
}
