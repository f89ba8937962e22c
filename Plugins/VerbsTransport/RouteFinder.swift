import CVerbs
import TransportAPI

/// Finds the route to a peer: what the settings name, else what leads to its address.
// Safe: the resolver is made and destroyed here.
@safe final class RouteFinder {
    private let transport: VerbsTransport
    private let peer: [UInt8]
    /// Nil when the settings say it all.
    private let resolver: OpaquePointer?

    /// - Parameter peer: its IP address, 4 or 16 bytes.
    init(_ transport: VerbsTransport, peer: [UInt8]) throws(TransportRefusal) {
        self.transport = transport
        self.peer = peer
        let name = transport.settings.device
        // An iWARP device is reached by addresses alone.
        var needsAddress = name.isEmpty
        if !needsAddress { needsAddress = unsafe try transport.device(named: name).pointee.isIWARP }
        guard needsAddress else {
            unsafe resolver = nil
            return
        }
        var status: Int32 = 0
        unsafe resolver = unsafe cverbs_resolver_make(peer, Int32(peer.count), VerbsTiming.resolveMilliseconds, &status)
        guard unsafe resolver != nil else { throw Self.unreachable(peer, -status) }
    }

    deinit {
        guard transport.maker.isThisProcess, let resolver = unsafe resolver else { return }
        unsafe cverbs_resolver_destroy(resolver)
    }

    /// Readable when there may be an answer; -1 when there is one already.
    var descriptor: Int32 { unsafe resolver.map { unsafe cverbs_resolver_descriptor($0) } ?? -1 }

    /// - Returns: nil as long as there is no answer.
    func advance() throws(TransportRefusal) -> Route? {
        let settings = transport.settings
        guard let resolver = unsafe resolver else {
            let device = unsafe try transport.device(named: settings.device)
            let port: UInt8
            if let wanted = settings.port {
                port = wanted
            } else {
                port = unsafe try Self.firstActivePort(device, settings.device)
            }
            return unsafe try Route(device, settings.device, port: port, source: nil, settings: settings)
        }
        var found = cverbs_resolution()
        let status = unsafe cverbs_resolver_advance(resolver, &found)
        guard status >= 0 else { throw Self.unreachable(peer, -status) }
        guard status > 0 else { return nil }
        let name = unsafe withUnsafeBytes(of: found.device) {
            unsafe String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
        }
        guard settings.device.isEmpty || settings.device == name else {
            throw TransportRefusal(
                .unreachable,
                "the way to \(Self.text(of: peer)) is over \(name), not over HANDFAST_VERBS_DEVICE=\(settings.device)")
        }
        let source = unsafe GID(withUnsafeBytes(of: found.source) { unsafe Array($0) })
        let device = unsafe try transport.device(named: name)
        return unsafe try Route(device, name, port: settings.port ?? found.port, source: source, settings: settings)
    }

    private static func firstActivePort(_ device: VerbsDevice.Pointer, _ name: String) throws(TransportRefusal) -> UInt8
    {
        var attributes = cverbs_port()
        for port: UInt8 in 1...8 where unsafe cverbs_port_query(device.pointee.handle, port, &attributes) == 0 {
            if attributes.is_active != 0 { return port }
        }
        throw TransportRefusal(.unreachable, "no port of \(name) is active; look at the cable, or `ip link`")
    }

    private static func unreachable(_ peer: [UInt8], _ error: Int32) -> TransportRefusal {
        let address = peer.isEmpty ? "a peer without an IP address" : text(of: peer)
        return TransportRefusal(
            .unreachable,
            "no RDMA device leads to \(address) (errno \(error)); connect to an address of the RDMA interface, or set"
                + " HANDFAST_VERBS_DEVICE")
    }

    static func text(of address: [UInt8]) -> String {
        guard address.count == GID.byteCount else { return address.map { String($0) }.joined(separator: ".") }
        return GID(address).description
    }
}
