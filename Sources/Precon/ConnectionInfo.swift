/// Who a connection belongs to: the 40 bytes that pscom 6 and Handfast both understand, little endian.
public struct ConnectionInfo: Hashable, Sendable {
    static let byteCount = 40
    static let pscom5ByteCount = 24

    /// The first 16 bytes: what they mean depends on the precon that carries them.
    public enum Origin: Hashable, Sendable {
        /// Listening port, 0 when the sender does not listen. Any value may arrive: it is not checked here.
        case tcp(port: Int32)
        /// Job and socket of a precon over RRComm, used by the two CON_INFO_VERSION messages only.
        case rrcomm(job: UInt64, socket: UInt32)
    }

    public var origin: Origin
    /// IPv4 address as a number (127.0.0.1 is 0x7f000001).
    public var node: UInt32
    /// The sender's rank, or -1.
    public var rank: Int32
    /// The sender's own number for this connection; opaque to the receiver.
    public var connectionID: UInt64
    public var name: WireName

    public init(origin: Origin, node: UInt32, rank: Int32, connectionID: UInt64, name: WireName) {
        self.origin = origin
        self.node = node
        self.rank = rank
        self.connectionID = connectionID
        self.name = name
    }
}

extension ConnectionInfo {
    /// - Parameter payload: at least `byteCount` bytes; the rest is ignored.
    init?(reading reader: inout ByteReader, overRRComm: Bool) {
        guard let head = reader.readBytes(16), let node = reader.readLittleEndian(UInt32.self),
            let rank = reader.readLittleEndian(Int32.self), let connectionID = reader.readLittleEndian(UInt64.self),
            let name = reader.readBytes(8)
        else { return nil }
        var fields = ByteReader(head)
        let origin: Origin =
            overRRComm
            ? .rrcomm(job: fields.readLittleEndian(UInt64.self)!, socket: fields.readLittleEndian(UInt32.self)!)
            : .tcp(port: fields.readLittleEndian(Int32.self)!)
        self.init(origin: origin, node: node, rank: rank, connectionID: connectionID, name: WireName(bytes: name))
    }

    func encode(into writer: inout ByteWriter) {
        switch origin {
        case .tcp(let port):
            writer.writeLittleEndian(port)
            writer.write(repeatElement(0, count: 12))
        case .rrcomm(let job, let socket):
            writer.writeLittleEndian(job)
            writer.writeLittleEndian(socket)
            writer.write(repeatElement(0, count: 4))
        }
        writer.writeLittleEndian(node)
        writer.writeLittleEndian(rank)
        writer.writeLittleEndian(connectionID)
        writer.write(name.bytes)
    }
}
