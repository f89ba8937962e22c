import CVerbs
import TransportAPI

/// Where packets to a peer leave this host.
// Safe: the transport keeps the device, and lives longer.
@safe struct Route {
    let device: VerbsDevice.Pointer
    let deviceName: String
    let port: UInt8
    let attributes: cverbs_port
    let gidIndex: UInt8
    /// With iWARP this host's own IP address towards the peer.
    let gid: GID
    let gidKind: UInt8

    var isIWARP: Bool { gidKind == CVERBS_GID_IWARP }
    var isEthernet: Bool { attributes.link_layer == CVERBS_ETHERNET }

    /// - Parameter source: this host's own address towards the peer, if it is known.
    /// - Throws: when the port is not active, or has no such GID.
    init(
        _ device: VerbsDevice.Pointer, _ name: String, port: UInt8, source: GID?, settings: VerbsSettings
    ) throws(TransportRefusal) {
        unsafe (self.device, deviceName, self.port) = unsafe (device, name, port)
        var attributes = cverbs_port()
        let status = unsafe cverbs_port_query(device.pointee.handle, port, &attributes)
        guard status == 0 else { throw .verbs(-status, "cannot ask port \(port) of \(name)") }
        guard attributes.is_active != 0 else {
            throw TransportRefusal(
                .unreachable, "port \(port) of \(name) is not active; look at the cable, or `ip link`")
        }
        self.attributes = attributes
        if unsafe device.pointee.isIWARP {
            guard let source else { preconditionFailure("the way over an iWARP device begins at an address") }
            (gidIndex, gid, gidKind) = (0, source, UInt8(CVERBS_GID_IWARP))
            return
        }
        let entries = unsafe Self.entries(device, port, count: Int(attributes.gid_count))
        guard
            let entry = try Self.choose(entries, source, isEthernet: attributes.link_layer == CVERBS_ETHERNET, settings)
        else {
            throw TransportRefusal(.unreachable, "port \(port) of \(name) has no GID; give its interface an address")
        }
        (gidIndex, gid, gidKind) = (UInt8(entry.index), entry.gid, entry.kind)
    }

    private typealias Entry = (index: Int, gid: GID, kind: UInt8)

    private static func entries(_ device: VerbsDevice.Pointer, _ port: UInt8, count: Int) -> [Entry] {
        var entries: [Entry] = []
        for index in 0..<min(count, 256) {
            var bytes = [UInt8](repeating: 0, count: GID.byteCount)
            var kind: UInt8 = 0
            guard unsafe cverbs_gid_query(device.pointee.handle, port, Int32(index), &bytes, &kind) == 0 else {
                continue
            }
            entries.append((index, GID(bytes), kind))
        }
        return entries
    }

    private static func choose(
        _ entries: [Entry], _ source: GID?, isEthernet: Bool, _ settings: VerbsSettings
    ) throws(TransportRefusal) -> Entry? {
        if let index = settings.gid {
            if let entry = entries.first(where: { $0.index == index }) { return entry }
            let known = entries.map { "\($0.index) (\($0.gid))" }.joined(separator: ", ")
            throw TransportRefusal(.unreachable, "HANDFAST_VERBS_GID=\(index) matches no entry; there are \(known)")
        }
        guard isEthernet else { return entries.first }
        return entries.max { rank($0, source) < rank($1, source) }
    }

    /// The own address towards the peer first, RoCE v2 before v1, and what only reaches the next switch last.
    private static func rank(_ entry: Entry, _ source: GID?) -> Int {
        (entry.gid == source ? 8 : 0) + (entry.kind == CVERBS_GID_ROCE_2 ? 4 : 0)
            + (entry.gid.isMappedIPv4 ? 2 : entry.gid.isLinkLocal ? 0 : 1)
    }
}
