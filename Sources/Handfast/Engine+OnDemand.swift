import Glibc
import Logging
import Precon
import TransportAPI

// Connections that are named at the start and set up by the first message.

extension Engine {
    /// Notes a peer; nothing is sent.
    func expect(_ target: PeerTarget) throws(HandfastError) -> UnsafeMutablePointer<ConnectionSlot> {
        try checkOpen()
        guard let name = target.name else {
            throw HandfastError(
                .invalidArgument, "\(target): a connection on demand needs the peer's name, as in \(target)@rank0")
        }
        guard listener != nil else {
            throw HandfastError(.invalidArgument, "\(target): a connection on demand needs an endpoint that listens")
        }
        try target.checkScopes()
        guard peers.find(WireName(name), wholeName: name) == nil else {
            throw HandfastError(.invalidArgument, "\(name.quoted) is expected already")
        }
        let slot = try takeSlot()
        slot.pointee.isKnownToUser = true
        slot.pointee.peerIndex = peers.add(slot, target)
        return slot
    }

    /// The record of an expected peer that is talked to for the first time.
    func activate(_ slot: UnsafeMutablePointer<ConnectionSlot>) -> ConnectionRecord? {
        if let record = slot.record { return record }
        guard let expected = peers[slot.pointee.peerIndex] else { return nil }
        let record = ConnectionRecord(
            slot: slot, engine: self, peer: describe(expected.target), peerText: expected.target.description)
        adopt(record)
        record.association = Association(record, target: expected.target)
        return record
    }

    private func describe(_ target: PeerTarget) -> PeerDescription {
        let name = target.name ?? ""
        return target.address.map { describe($0.host, name: name) }
            ?? PeerDescription(name: name, address: [], isLocal: false)
    }

    /// The user has queued something, or a peer's BACK_CONNECT asks for it.
    func demand(_ slot: UnsafeMutablePointer<ConnectionSlot>) {
        if slot.pointee.record == nil, let peer = peers[slot.pointee.peerIndex], isItself(peer.target) {
            return joinItself(slot, peer.target)
        }
        activate(slot)?.association?.tell(.demanded)
    }

    /// Whom a stream claims to come from, if that peer is expected.
    private func association(for wire: WireName, wholeName: String?) -> Association? {
        guard let peer = peers.find(wire, wholeName: wholeName), !isItself(peer.target) else { return nil }
        return activate(peer.slot)?.association
    }

    func identifyOnDemand(_ driver: HandshakeDriver, _ identity: PeerIdentity) {
        let claim = PeerClaim(identity, address: driver.peerText)
        guard let association = association(for: claim.wireName, wholeName: claim.wholeName) else {
            return driver.reject(.unknownName(claim, at: name))
        }
        association.accept(driver, claim, Contest(identity))
    }

    func askedToConnect(_ driver: HandshakeDriver, _ info: ConnectionInfo, about: PeerInfo?) {
        guard let association = association(for: info.name, wholeName: about?.name) else {
            let claim = PeerClaim(
                wireName: info.name, wholeName: about?.name, incarnation: nil, address: driver.peerText)
            // There is no handshake that could fail.
            let rejection = Rejection.unknownName(claim, at: name)
            tellRefusal(of: driver.peer.address, driver.peerText, rejection.text)
            return driver.reject(rejection)
        }
        association.askedToConnect(driver)
    }

    /// The whole demand has the time of any connect; a peer's connect may take as long as one attempt of ours.
    func timeout(of timer: OnDemandTimer) -> Duration {
        switch timer {
        case .demand: settings.retryPolicy.deadline
        case .peerConnect: settings.connectTimeout + settings.handshakeTimeout
        }
    }

    /// Nobody could be reached: what waits for the connection ends, and a later send tries again.
    func demandFailed(_ record: ConnectionRecord, _ error: HandfastError) {
        record.error = error
        failAll(record.slot, EndReason(error))
        tellEnd(of: record)
        logger.warning(
            "connection on demand failed", metadata: ["peer": "\(record.peerText)", "reason": "\(error.message)"])
    }

    /// The connection is over but the peer is expected as before.
    func sleep(_ record: ConnectionRecord) {
        let slot = record.slot
        slot.pointee.inbound.reset()
        slot.pointee.operations = nil
        slot.pointee.setByteCounts()
        (slot.pointee.servesOneSided, slot.pointee.isLeaving) = (false, false)
        (slot.pointee.hasPeerEnded, slot.pointee.hasSentEnd, slot.pointee.hasChannelEnded) = (false, false, false)
        slot.pointee.violation = nil
        slot.pointee.takesSends = true
        record.hasQueuedEnd = false
        record.closeDeadline = nil
        record.deliveriesAtLifelineEnd = nil
        record.phase = .onDemand
    }

    /// The user wants no more of a peer.
    func forget(_ slot: UnsafeMutablePointer<ConnectionSlot>) {
        peers.remove(slot.pointee.peerIndex)
        slot.pointee.peerIndex = -1
    }
}

extension UnsafeMutablePointer<ConnectionSlot> {
    /// Something waits for a channel.
    var hasWork: Bool { !pointee.sendQueue.isEmpty || hasOperations }
}

extension HandfastError {
    /// - Parameter own: this endpoint's address.
    init(_ failure: OnDemandFailure, peer: String, own: String) {
        switch failure {
        case .sameName(let name):
            self.init(
                .rejected,
                "\(peer): this endpoint, at \(own), is called \(name.quoted) too; one of the two must have another name"
            )
        case .unreachable(let text): self.init(.unreachable, text)
        case .refused(let text): self.init(.rejected, text)
        case .handshake(let failure): self.init(failure, peer: peer, decisions: [])
        case .deadlinePassed(let waitedFor):
            self.init(.timeout, "\(peer): no connection in time; \(waitedFor) was awaited")
        }
    }
}
