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
        guard status == 0 else {
            guard settings.port == port else { throw .verbs(-status, "cannot ask port \(port) of \(name)") }
            throw TransportRefusal(
                .unreachable,
                unsafe "HANDFAST_VERBS_PORT=\(port) matches no port of \(name); there are \(Self.ports(of: device))")
        }
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
        let entry = unsafe try GIDEntry.choose(
            from: Self.entries(device, port, count: Int(attributes.gid_count)), source: source,
            isEthernet: attributes.link_layer == CVERBS_ETHERNET, wanted: settings.gid, place: "port \(port) of \(name)"
        )
        (gidIndex, gid, gidKind) = (UInt8(entry.index), entry.gid, entry.kind)
    }

    /// - Parameter entry: of that port.
    init(
        _ device: VerbsDevice.Pointer, _ name: String, port: UInt8, attributes: cverbs_port, entry: GIDEntry
    ) {
        unsafe (self.device, deviceName, self.port) = unsafe (device, name, port)
        self.attributes = attributes
        (gidIndex, gid, gidKind) = (UInt8(entry.index), entry.gid, entry.kind)
    }

    private static func ports(of device: VerbsDevice.Pointer) -> String {
        var attributes = cverbs_port()
        return (1...UInt8.max).filter { unsafe cverbs_port_query(device.pointee.handle, $0, &attributes) == 0 }
            .map { String($0) }.joined(separator: ", ")
    }

    private static func entries(_ device: VerbsDevice.Pointer, _ port: UInt8, count: Int) -> [GIDEntry] {
        var entries: [GIDEntry] = []
        for index in 0..<min(count, 256) {
            var bytes = [UInt8](repeating: 0, count: GID.byteCount)
            var kind: UInt8 = 0
            guard unsafe cverbs_gid_query(device.pointee.handle, port, Int32(index), &bytes, &kind) == 0 else {
                continue
            }
            entries.append(GIDEntry(index: index, gid: GID(bytes), kind: kind))
        }
        return entries
    }
}
