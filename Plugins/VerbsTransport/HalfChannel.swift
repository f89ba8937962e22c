import CVerbs
import Glibc
import TransportAPI

/// A channel that its attempt has not given to the engine; it goes with this.
// Safe: the transport, which the attempt holds, keeps the device alive.
@safe final class HalfChannel {
    let route: Route
    let offer: VerbsOffer
    private var channel: VerbsChannel.Pointer?

    init(_ route: Route, transport: VerbsTransport, attention: Int32) throws(TransportRefusal) {
        self.route = route
        var error: Int32 = 0
        guard let channel = unsafe VerbsChannel.make(route.device, port: route.port, &error) else {
            throw .verbs(error, "no queue pair of \(route.deviceName)")
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

    deinit { if let channel = unsafe channel { unsafe VerbsChannel.abandon(channel) } }

    /// Takes the queue pair to where it sends and receives.
    /// - Throws: what does not fit, or what the device says.
    func connect(to peer: VerbsOffer, peer address: [UInt8]) throws(TransportRefusal) {
        guard let channel = unsafe channel else {
            preconditionFailure("a channel that was given away is not connected")
        }
        try peer.checkMatch(route)
        let readLimit = min(peer.readLimit, route.attributes.read_limit)
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
        path.read_limit = max(1, min(readLimit, 16))
        path.timeout_exponent = VerbsTiming.timeoutExponent
        path.retry_count = VerbsTiming.retryCount
        let status = unsafe cverbs_queue_pair_connect(channel.pointee.pair, &path)
        guard status == 0 else {
            throw .verbs(-status, "cannot connect a queue pair of \(route.deviceName) to \(peer.gid)")
        }
        unsafe channel.pointee.credits = Int(peer.credits)
        unsafe channel.pointee.frameByteLimit = unsafe min(Int(peer.frameByteCount), BufferPool.bufferByteCount)
        unsafe channel.pointee.readLimit = Int(path.read_limit)
        // Long enough to be worth it, short enough that others get their turn.
        let messageByteLimit = max(4096, min(UInt64(peer.messageByteLimit), UInt64(offer.messageByteLimit)))
        unsafe channel.pointee.readByteLimit = min(1 << 20, messageByteLimit)
        unsafe channel.pointee.peerText = unsafe strdup(
            "\(RouteFinder.text(of: address)) (GID \(peer.gid)) over \(route.deviceName) port \(route.port)")
    }

    /// Reads the number that the peer has told of.
    func readProof(_ peer: VerbsOffer) throws(TransportRefusal) {
        guard let channel = unsafe channel else { return }
        let device = unsafe route.device
        guard let buffer = unsafe device.pointee.pool.take() else {
            throw unsafe .verbs(device.pointee.pool.error, "no buffer of \(route.deviceName)")
        }
        unsafe channel.pointee.proofBuffer = buffer
        let work = unsafe cverbs_work(
            number: 0, start: device.pointee.pool.start(of: buffer), byte_count: 8,
            local_key: device.pointee.pool.localKey(of: buffer), remote_address: peer.proofAddress,
            remote_key: peer.proofKey, operation: UInt8(CVERBS_READ), is_signaled: 1, is_inline: 0)
        unsafe VerbsChannel.add(channel, work, VerbsChannel.SendSlot())
        unsafe VerbsChannel.post(channel)
    }

    /// - Returns: true when the path has been seen to work, false as long as nothing is known.
    func checkProof(_ peer: VerbsOffer) throws(TransportRefusal) -> Bool {
        guard let channel = unsafe channel else { return false }
        if unsafe channel.pointee.error != 0 {
            let reason =
                unsafe channel.pointee.failure.map { unsafe String(cString: $0) } ?? "verbs: the path does not work"
            throw TransportRefusal(.unreachable, reason)
        }
        guard unsafe channel.pointee.proofStatus == 0 else { return false }
        let found = unsafe route.device.pointee.pool.start(of: channel.pointee.proofBuffer).load(as: UInt64.self)
        guard found == peer.proof else {
            throw TransportRefusal(
                .unreachable,
                "\(peer.gid) over \(route.deviceName) is another host: its memory does not hold the peer's number")
        }
        return true
    }

    /// The engine gets it.
    func release() -> VerbsChannel.Pointer {
        guard let channel = unsafe channel else { preconditionFailure("a channel is given away once") }
        unsafe self.channel = nil
        return unsafe channel
    }
}
