import CVerbs
import TransportAPI

/// iWARP: the answerer listens, the starter connects, and librdmacm tells both by events of the device.
extension HalfChannel {
    /// - Returns: what the starter needs to know to connect.
    func listen(for peer: VerbsOffer, peer address: [UInt8]) throws(TransportRefusal) -> IWARPListener {
        try agree(with: peer, address)
        let token = IWARPListener.makeToken()
        var meeting = makeMeeting(token, peer)
        let channel = unsafe joining
        var (port, status): (UInt16, Int32) = (0, 0)
        unsafe channel.pointee.rdmaConnection = unsafe cverbs_connection_listen(
            channel.pointee.pair, &meeting, UnsafeMutableRawPointer(channel), &port, &status)
        guard unsafe channel.pointee.rdmaConnection != nil else {
            throw .verbs(-status, "cannot listen at \(route.gid) on \(route.deviceName) for an iWARP connection")
        }
        return IWARPListener(port: port, token: token)
    }

    func beginConnection(to peer: VerbsOffer, peer address: [UInt8]) throws(TransportRefusal) {
        try agree(with: peer, address)
        guard let listener = peer.listener else {
            throw TransportRefusal(.malformedStep, "verbs: an iWARP answer without a port")
        }
        var meeting = makeMeeting(listener.token, peer)
        unsafe withUnsafeMutableBytes(of: &meeting.peer) { unsafe $0.copyBytes(from: peer.gid.bytes) }
        meeting.port = listener.port
        meeting.milliseconds = VerbsTiming.resolveMilliseconds
        let channel = unsafe joining
        var status: Int32 = 0
        unsafe channel.pointee.rdmaConnection = unsafe cverbs_connection_begin(
            channel.pointee.pair, &meeting, UnsafeMutableRawPointer(channel), &status)
        guard unsafe channel.pointee.rdmaConnection != nil else {
            throw .verbs(-status, "cannot connect to \(peer.gid), port \(listener.port), over \(route.deviceName)")
        }
    }

    /// - Returns: true when both ends are connected, false as long as nothing is known.
    func checkConnection() throws(TransportRefusal) -> Bool {
        let channel = unsafe joining
        _ = unsafe VerbsState.takeConnectionEvents(route.device)
        if unsafe channel.pointee.error != 0 { throw unsafe .broken(channel) }
        return unsafe VerbsChannel.news(of: channel).state == CVERBS_CONNECTION_MADE
    }

    private func makeMeeting(_ token: [UInt8], _ peer: VerbsOffer) -> cverbs_meeting {
        var meeting = cverbs_meeting()
        unsafe withUnsafeMutableBytes(of: &meeting.own) { unsafe $0.copyBytes(from: route.gid.bytes) }
        unsafe withUnsafeMutableBytes(of: &meeting.token) { unsafe $0.copyBytes(from: token) }
        meeting.read_limit = readLimit(with: peer)
        return meeting
    }
}
