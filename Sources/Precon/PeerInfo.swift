/// What a Handfast peer says of itself beyond CON_INFO: PEER_INFO.
///
/// On the wire a list of entries: u16 kind, u16 size in bytes, value; all big endian. Unknown kinds are skipped,
/// so that a later version can add some.
public struct PeerInfo: Hashable, Sendable {
    /// Where memory can be shared: equal values mean the same kernel and the same namespaces.
    public struct HostIdentity: Hashable, Sendable {
        /// The kernel's boot id, as two words in wire order.
        public var bootIDHigh, bootIDLow: UInt64
        /// Inode numbers of the IPC and pid namespaces.
        public var ipcNamespace, pidNamespace: UInt64

        public init(bootIDHigh: UInt64, bootIDLow: UInt64, ipcNamespace: UInt64, pidNamespace: UInt64) {
            self.bootIDHigh = bootIDHigh
            self.bootIDLow = bootIDLow
            self.ipcNamespace = ipcNamespace
            self.pidNamespace = pidNamespace
        }
    }

    /// One place where the peer listens.
    public struct Address: Hashable, Sendable {
        /// 4 bytes for IPv4, 16 for IPv6, in network order.
        public var bytes: [UInt8]
        public var port: UInt16
        /// Higher is tried first.
        public var priority: UInt8

        public init(bytes: [UInt8], port: UInt16, priority: UInt8) {
            self.bytes = bytes
            self.port = port
            self.priority = priority
        }
    }

    /// The whole name, which CON_INFO may only hold a digest of.
    public var name: String?
    public var host: HostIdentity?
    public var addresses: [Address] = []
    public var processID: UInt32?
    /// Implementation and version, for people.
    public var implementation: String?
    /// A number that the embedding runtime hands to its peer.
    public var applicationValue: UInt32?

    public init() {}
}

extension PeerInfo {
    private enum Kind: UInt16 {
        case name = 1
        case host, address, processID, implementation, applicationValue
    }

    init(decoding payload: ArraySlice<UInt8>) throws(PreconError) {
        var reader = ByteReader(payload)
        while !reader.rest.isEmpty {
            guard let number = reader.readBigEndian(UInt16.self), let byteCount = reader.readBigEndian(UInt16.self),
                let value = reader.readBytes(Int(byteCount))
            else { throw .malformedPeerInfo(kind: 0, byteCount: reader.rest.count) }
            guard let kind = Kind(rawValue: number) else { continue }
            guard take(kind, value) else { throw .malformedPeerInfo(kind: number, byteCount: value.count) }
        }
    }

    private mutating func take(_ kind: Kind, _ value: ArraySlice<UInt8>) -> Bool {
        var reader = ByteReader(value)
        switch kind {
        case .name: name = String(decoding: value, as: UTF8.self)
        case .implementation: implementation = String(decoding: value, as: UTF8.self)
        case .processID:
            guard value.count == 4 else { return false }
            processID = reader.readBigEndian(UInt32.self)
        case .applicationValue:
            guard value.count == 4 else { return false }
            applicationValue = reader.readBigEndian(UInt32.self)
        case .host:
            guard value.count == 32, let high = reader.readBigEndian(UInt64.self),
                let low = reader.readBigEndian(UInt64.self), let ipc = reader.readBigEndian(UInt64.self),
                let pid = reader.readBigEndian(UInt64.self)
            else { return false }
            host = HostIdentity(bootIDHigh: high, bootIDLow: low, ipcNamespace: ipc, pidNamespace: pid)
        case .address:
            guard value.count == 3 + 4 || value.count == 3 + 16, let priority = reader.readBigEndian(UInt8.self),
                let port = reader.readBigEndian(UInt16.self)
            else { return false }
            addresses.append(Address(bytes: Array(reader.rest), port: port, priority: priority))
        }
        return true
    }

    func encode(into writer: inout ByteWriter) {
        func entry(_ kind: Kind, _ fill: (inout ByteWriter) -> Void) {
            var value = ByteWriter()
            fill(&value)
            // A longer value cannot be announced; only texts could come near it.
            let bytes = value.bytes.prefix(Int(UInt16.max))
            writer.writeBigEndian(kind.rawValue)
            writer.writeBigEndian(UInt16(bytes.count))
            writer.write(bytes)
        }
        if let name { entry(.name) { $0.write(name.utf8) } }
        if let host {
            entry(.host) {
                $0.writeBigEndian(host.bootIDHigh)
                $0.writeBigEndian(host.bootIDLow)
                $0.writeBigEndian(host.ipcNamespace)
                $0.writeBigEndian(host.pidNamespace)
            }
        }
        for address in addresses {
            entry(.address) {
                $0.writeBigEndian(address.priority)
                $0.writeBigEndian(address.port)
                $0.write(address.bytes)
            }
        }
        if let processID { entry(.processID) { $0.writeBigEndian(processID) } }
        if let implementation { entry(.implementation) { $0.write(implementation.utf8) } }
        if let applicationValue { entry(.applicationValue) { $0.writeBigEndian(applicationValue) } }
    }
}
