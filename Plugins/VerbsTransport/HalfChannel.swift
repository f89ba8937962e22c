import CVerbs
import Glibc
import TransportAPI

/// A channel that its attempt has not given to the engine; it goes with this.
// Safe: the transport, which the attempt holds, keeps the device alive.
@safe final class HalfChannel {
    /// Of control frames, which lie in no memory that a device knows.
    private static let leastInlineByteCount = Frame.byteCount + Exposure.byteCount
    /// What is read over the new path: the number, and as much behind it as fills the path's largest packet. TCP finds that out itself.
    private static let proofByteCounts: (iWARP: UInt32, other: UInt32) = (8, 4096)

    let route: Route
    let offer: VerbsOffer
    private var channel: VerbsChannel.Pointer?
    /// Of iWARP: where the proof comes to.
    private var sink: (start: UnsafeMutablePointer<UInt64>, entry: RegistrationCache.Pointer)?

    /// - Precondition: it has not been given away.
    var joining: VerbsChannel.Pointer {
        guard let channel = unsafe channel else {
            preconditionFailure("a channel that was given away is not connected")
        }
        return unsafe channel
    }

    init(_ route: Route, transport: VerbsTransport, attention: Int32) throws(TransportRefusal) {
        self.route = route
        var error: Int32 = 0
        guard let channel = unsafe VerbsChannel.make(route.device, port: route.port, &error) else {
            throw .verbs(error, "no queue pair of \(route.deviceName)")
        }
        guard unsafe channel.pointee.inlineLimit >= Self.leastInlineByteCount else {
            let limit = unsafe channel.pointee.inlineLimit
            unsafe VerbsChannel.destroyPair(channel)
            throw TransportRefusal(
                .unreachable,
                "\(route.deviceName) sends \(limit) bytes inline, and \(Self.leastInlineByteCount) are needed")
        }
        unsafe channel.pointee.attention = attention
        unsafe self.channel = unsafe channel
        let device = unsafe route.device
        // One number for all attempts of the device, that no peer can guess before it is told.
        if unsafe device.pointee.proof.pointee == 0 {
            unsafe device.pointee.proof.pointee = .random(in: 1...UInt64.max)
        }
        offer = unsafe VerbsOffer(
            linkLayer: route.attributes.link_layer, gidKind: route.gidKind, gid: route.gid, lid: route.attributes.lid,
            queuePairNumber: channel.pointee.number, packetNumber: .random(in: 0..<1 << 24),
            mtuByteCount: route.attributes.mtu_byte_count, frameByteCount: UInt32(BufferPool.bufferByteCount),
            credits: UInt16(VerbsChannel.firstCredits), readLimit: route.attributes.read_limit,
            messageByteLimit: route.attributes.message_byte_limit,
            proofAddress: UInt64(UInt(bitPattern: device.pointee.proof)),
            proofKey: cverbs_remote_key(device.pointee.proofRegion), proof: device.pointee.proof.pointee)
    }

    deinit {
        guard unsafe route.device.pointee.maker.isThisProcess else { return }
        // A read that is under way ends with its queue pair.
        if let channel = unsafe channel { unsafe VerbsChannel.abandon(channel) }
        dropSink()
    }

    /// Takes the queue pair to where it sends and receives.
    /// - Throws: what does not fit, or what the device says.
    func connect(to peer: VerbsOffer, peer address: [UInt8]) throws(TransportRefusal) {
        try agree(with: peer, address)
        let channel = unsafe joining
        var path = cverbs_path()
        unsafe withUnsafeMutableBytes(of: &path.gid) { unsafe $0.copyBytes(from: peer.gid.bytes) }
        path.queue_pair_number = peer.queuePairNumber
        path.packet_number = peer.packetNumber
        path.own_packet_number = offer.packetNumber
        path.mtu_byte_count = min(peer.mtuByteCount, offer.mtuByteCount)
        path.lid = peer.lid
        path.port = route.port
        path.gid_index = route.gidIndex
        path.is_global = route.isEthernet || peer.gid.subnet != route.gid.subnet ? 1 : 0
        path.read_limit = readLimit(with: peer)
        path.timeout_exponent = VerbsTiming.timeoutExponent
        path.retry_count = VerbsTiming.retryCount
        let status = unsafe cverbs_queue_pair_connect(channel.pointee.pair, &path)
        guard status == 0 else {
            throw .verbs(-status, "cannot connect a queue pair of \(route.deviceName) to \(peer.gid)")
        }
    }

    func readLimit(with peer: VerbsOffer) -> UInt8 { max(1, min(peer.readLimit, route.attributes.read_limit, 16)) }

    /// Takes over what both sides can do.
    /// - Throws: what does not fit.
    func agree(with peer: VerbsOffer, _ address: [UInt8]) throws(TransportRefusal) {
        try peer.checkMatch(route)
        let channel = unsafe joining
        unsafe channel.pointee.credits = Int(peer.credits)
        unsafe channel.pointee.frameByteLimit = unsafe min(Int(peer.frameByteCount), BufferPool.bufferByteCount)
        unsafe channel.pointee.readLimit = Int(readLimit(with: peer))
        // Long enough to be worth it, short enough that others get their turn.
        let messageByteLimit = max(4096, min(UInt64(peer.messageByteLimit), UInt64(offer.messageByteLimit)))
        unsafe channel.pointee.readByteLimit = min(VerbsRead.pieceByteCount, messageByteLimit)
        unsafe channel.pointee.peerText = unsafe strdup(
            "\(RouteFinder.text(of: address)) (\(route.isIWARP ? "iWARP" : "GID") \(peer.gid)) over \(route.deviceName) port \(route.port)"
        )
    }

    /// Reads the number that the peer has told of.
    func readProof(_ peer: VerbsOffer) throws(TransportRefusal) {
        let channel = unsafe joining
        guard unsafe VerbsChannel.hasPlace(channel) else {
            throw TransportRefusal(.resources, "all places of \(route.deviceName)'s completion queue are taken")
        }
        let sink = unsafe try makeSink(channel)
        let byteCount = route.isIWARP ? Self.proofByteCounts.iWARP : Self.proofByteCounts.other
        let work = unsafe cverbs_work(
            number: 0, start: sink.start, byte_count: byteCount, local_key: sink.localKey,
            remote_address: peer.proofAddress,
            remote_key: peer.proofKey, operation: UInt8(CVERBS_READ), is_signaled: 1, is_inline: 0)
        unsafe VerbsChannel.add(channel, work, VerbsChannel.SendSlot())
        unsafe VerbsChannel.post(channel)
    }

    /// Where the number comes to: with iWARP in memory of its own, as the peer may write there.
    private func makeSink(
        _ channel: VerbsChannel.Pointer
    ) throws(TransportRefusal) -> (start: UnsafeMutableRawPointer, localKey: UInt32) {
        let device = unsafe route.device
        guard route.isIWARP else {
            guard let buffer = unsafe device.pointee.pool.take() else {
                throw unsafe .verbs(device.pointee.pool.error, "no buffer of \(route.deviceName)")
            }
            unsafe channel.pointee.proofBuffer = buffer
            return unsafe (device.pointee.pool.start(of: buffer), device.pointee.pool.localKey(of: buffer))
        }
        let start = UnsafeMutablePointer<UInt64>.allocate(capacity: 1)
        unsafe start.initialize(to: 0)
        var error: Int32 = 0
        guard let entry = unsafe device.pointee.cache.take(start, 8, CVERBS_READ_INTO, &error) else {
            unsafe start.deallocate()
            throw .verbs(error, "no memory of \(route.deviceName) to read into")
        }
        unsafe sink = unsafe (start, entry)
        return unsafe (UnsafeMutableRawPointer(start), cverbs_local_key(entry.pointee.region!))
    }

    /// No read may be under way.
    private func dropSink() {
        guard let (start, entry) = unsafe sink else { return }
        unsafe route.device.pointee.cache.give(entry)
        unsafe start.deallocate()
        unsafe sink = nil
    }

    /// - Returns: true when the path has been seen to work, false as long as nothing is known.
    func checkProof(_ peer: VerbsOffer) throws(TransportRefusal) -> Bool {
        guard let channel = unsafe channel else { return false }
        if unsafe channel.pointee.error != 0 {
            throw unsafe .broken(channel)
        }
        guard unsafe channel.pointee.proofStatus == 0 else { return false }
        let place =
            unsafe sink.map { unsafe UnsafeMutableRawPointer($0.start) }
            ?? route.device.pointee.pool.start(of: channel.pointee.proofBuffer)
        let found = unsafe place.load(as: UInt64.self)
        guard found == peer.proof else {
            throw TransportRefusal(
                .unreachable,
                "\(peer.gid) over \(route.deviceName) is another host: its memory does not hold the peer's number")
        }
        return true
    }

    /// The peer has not done its part in time.
    /// - Parameter answer: of the peer; nil when it is the starter.
    func silence(of answer: VerbsOffer?) -> TransportRefusal {
        let (what, limit, advice): (String, Int32, String)
        switch (answer, route.isIWARP) {
        case (let answer?, true):
            let place = answer.listener.map { ", port \($0.port)," } ?? ""
            (what, limit) = ("no iWARP connection to \(answer.gid)\(place) came about", VerbsTiming.connectMilliseconds)
            advice = "is TCP to that port open?"
        case (let answer?, false):
            (what, limit) = ("nothing came back from \(answer.gid)", VerbsTiming.proofMilliseconds)
            advice = "is UDP port 4791 open, and the MTU the same on the way?"
        case (nil, _):
            (what, limit) = ("the peer did not connect to \(route.gid)", VerbsTiming.answerMilliseconds)
            advice = "is TCP to all its ports open?"
        }
        var news = ""
        if route.isIWARP { news = unsafe " (\(VerbsChannel.lastNews(of: joining)))" }
        return TransportRefusal(.unreachable, "\(what) over \(route.deviceName) within \(limit) ms\(news); \(advice)")
    }

    /// The engine gets it.
    func release() -> VerbsChannel.Pointer {
        guard let channel = unsafe channel else { preconditionFailure("a channel is given away once") }
        unsafe self.channel = nil
        dropSink()
        return unsafe channel
    }
}
