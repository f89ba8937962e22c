import CVerbs
import TransportAPI

/// Where the answerer waits for the starter's iWARP connection, besides the address, which is its GID.
struct IWARPListener: Hashable {
    static let byteCount = 2 + tokenByteCount
    static let tokenByteCount = Int(CVERBS_TOKEN_BYTE_COUNT)

    let port: UInt16
    /// What the starter brings, so that nobody else is taken for it.
    let token: [UInt8]

    /// - Precondition: a token of 16 bytes.
    init(port: UInt16, token: [UInt8]) {
        precondition(token.count == Self.tokenByteCount)
        (self.port, self.token) = (port, token)
    }

    /// Nil when there are not so many bytes left.
    init?(from reader: inout FieldReader) {
        guard let port = reader.read(UInt16.self), let token = reader.readBytes(Self.tokenByteCount) else { return nil }
        self.init(port: port, token: token)
    }

    func append(to bytes: inout [UInt8]) {
        bytes.append(field: port)
        bytes += token
    }

    static func makeToken() -> [UInt8] { (0..<tokenByteCount).map { _ in .random(in: 0...255) } }
}
