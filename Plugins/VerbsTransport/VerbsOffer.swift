import CVerbs
import TransportAPI

/// What each side says of itself in its step, big endian, field by field.
struct VerbsOffer: Hashable {
    static let format: UInt16 = 1
    /// Without the listener, which comes last.
    static let byteCount = 68

    var linkLayer: UInt8
    var gidKind: UInt8
    var gid: GID
    var lid: UInt16
    var queuePairNumber: UInt32
    /// Of its first packet; 24 bits.
    var packetNumber: UInt32
    var mtuByteCount: UInt32
    var frameByteCount: UInt32
    var credits: UInt16
    var readLimit: UInt8
    /// The most bytes of one read.
    var messageByteLimit: UInt32
    /// Where the peer finds a number that shows that the path works.
    var proofAddress: UInt64
    var proofKey: UInt32
    var proof: UInt64
    /// Of an iWARP answerer.
    var listener: IWARPListener?

    var payload: [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(Self.byteCount)
        bytes.append(field: Self.format)
        bytes.append(field: linkLayer)
        bytes.append(field: gidKind)
        bytes += gid.bytes
        bytes.append(field: lid)
        bytes.append(field: credits)
        bytes.append(field: queuePairNumber)
        bytes.append(field: packetNumber)
        bytes.append(field: mtuByteCount)
        bytes.append(field: frameByteCount)
        bytes.append(field: messageByteLimit)
        bytes.append(field: proofAddress)
        bytes.append(field: proof)
        bytes.append(field: proofKey)
        bytes.append(field: readLimit)
        bytes += [0, 0, 0]
        listener?.append(to: &bytes)
        return bytes
    }

    /// - Throws: `malformedStep` for bytes that no version sends, `unreachable` for another version.
    static func parse(_ payload: [UInt8]) throws(TransportRefusal) -> VerbsOffer {
        var reader = FieldReader(payload)
        guard let version = reader.read(UInt16.self) else {
            throw TransportRefusal(.malformedStep, "verbs: step of \(payload.count) bytes")
        }
        guard version == format else {
            throw TransportRefusal(.unreachable, "the peer speaks verbs format \(version), this side \(format)")
        }
        let hasListener = payload.count == byteCount + IWARPListener.byteCount
        guard payload.count == byteCount || hasListener, let linkLayer = reader.read(UInt8.self),
            let gidKind = reader.read(UInt8.self),
            let gid = reader.readBytes(GID.byteCount), let lid = reader.read(UInt16.self),
            let credits = reader.read(UInt16.self), let queuePairNumber = reader.read(UInt32.self),
            let packetNumber = reader.read(UInt32.self), let mtuByteCount = reader.read(UInt32.self),
            let frameByteCount = reader.read(UInt32.self), let messageByteLimit = reader.read(UInt32.self),
            let proofAddress = reader.read(UInt64.self), let proof = reader.read(UInt64.self),
            let proofKey = reader.read(UInt32.self), let readLimit = reader.read(UInt8.self), reader.readBytes(3) != nil
        else {
            throw TransportRefusal(
                .malformedStep,
                "verbs: step of \(payload.count) bytes instead of \(byteCount), or \(byteCount + IWARPListener.byteCount)"
            )
        }
        let offer = VerbsOffer(
            linkLayer: linkLayer, gidKind: gidKind, gid: GID(gid), lid: lid, queuePairNumber: queuePairNumber,
            packetNumber: packetNumber, mtuByteCount: mtuByteCount, frameByteCount: frameByteCount, credits: credits,
            readLimit: readLimit, messageByteLimit: messageByteLimit, proofAddress: proofAddress, proofKey: proofKey,
            proof: proof, listener: hasListener ? IWARPListener(from: &reader) : nil)
        try offer.checkRanges()
        return offer
    }

    private func checkRanges() throws(TransportRefusal) {
        func check(_ isAllowed: Bool, _ what: String, _ value: some BinaryInteger, _ allowed: String)
            throws(TransportRefusal)
        {
            guard isAllowed else {
                throw TransportRefusal(.malformedStep, "verbs: \(what) \(value), where \(allowed) is allowed")
            }
        }
        try check(queuePairNumber < 1 << 24, "queue pair number", queuePairNumber, "24 bits")
        try check(packetNumber < 1 << 24, "packet number", packetNumber, "24 bits")
        try check(
            [256, 512, 1024, 2048, 4096].contains(mtuByteCount), "MTU", mtuByteCount, "256, 512, 1024, 2048 or 4096")
        try check((256...65_536).contains(frameByteCount), "frame size", frameByteCount, "256 to 65536")
        try check((1...1024).contains(credits), "credits", credits, "1 to 1024")
        try check(listener?.port != 0, "port", 0, "1 to 65535")
    }

    /// Whether packets of a port like `own` reach one like this.
    /// - Throws: what differs.
    func checkMatch(_ own: Route) throws(TransportRefusal) {
        guard linkLayer == own.attributes.link_layer else {
            throw TransportRefusal(
                .unreachable,
                "the peer's RDMA port is \(Self.name(ofLayer: linkLayer)), \(own.deviceName)'s is "
                    + Self.name(ofLayer: own.attributes.link_layer))
        }
        guard (gidKind == CVERBS_GID_IWARP) == own.isIWARP else {
            throw TransportRefusal(
                .unreachable,
                "the peer's RDMA device is \(own.isIWARP ? "not " : "")iWARP, and \(own.deviceName) is \(own.isIWARP ? "" : "not ")iWARP"
            )
        }
        guard gidKind == own.gidKind else {
            throw TransportRefusal(
                .unreachable,
                "the peer's GID \(gid) is \(Self.name(ofKind: gidKind)), this side's \(own.gid) \(Self.name(ofKind: own.gidKind));"
                    + " choose another with HANDFAST_VERBS_GID")
        }
        guard own.isEthernet, gid.isMappedIPv4 != own.gid.isMappedIPv4 || gid.isLinkLocal != own.gid.isLinkLocal else {
            return
        }
        throw TransportRefusal(
            .unreachable,
            "the peer's GID \(gid) and this side's \(own.gid) are of two kinds; choose another with"
                + " HANDFAST_VERBS_GID")
    }

    private static func name(ofLayer layer: UInt8) -> String {
        switch Int32(layer) {
        case CVERBS_INFINIBAND: "InfiniBand"
        case CVERBS_ETHERNET: "Ethernet"
        default: "of an unknown kind (\(layer))"
        }
    }

    private static func name(ofKind kind: UInt8) -> String {
        switch Int32(kind) {
        case CVERBS_GID_INFINIBAND: "InfiniBand"
        case CVERBS_GID_ROCE_1: "RoCE v1"
        case CVERBS_GID_ROCE_2: "RoCE v2"
        case CVERBS_GID_IWARP: "iWARP"
        default: "of an unknown kind (\(kind))"
        }
    }
}
