import CHandfast
import Glibc
import Logging
import Precon
import TransportAPI

// What the engine decides during a handshake, and what it does when one is over.

extension Engine {
    /// Whom we may talk to, and by what.
    func identify(_ driver: HandshakeDriver, _ identity: PeerIdentity) {
        if let name = identity.info?.name, let fault = EndpointAddress.fault(ofName: name) {
            return driver.reject(Rejection(.protocolViolation, "the name \(name.quoted) \(fault)"))
        }
        driver.peer.name = identity.info?.name ?? identity.connection.name.description
        driver.peerFeatures = identity.version.handfast?.features
        driver.peerIncarnation = identity.version.handfast?.incarnation ?? 0
        if let host = identity.info?.host { driver.peer.isLocal = host == .current }
        driver.toldPlaces = places(
            told: identity.info?.addresses ?? [], zone: SocketAddress.peer(of: driver.stream.socket).address?.zone)
        if isOwnStream(driver, identity) { return }
        switch driver.role {
        case .starter:
            guard let record = driver.record else { return }
            if let association = driver.association {
                guard association.identified(driver, PeerClaim(identity, address: driver.peerText)) else { return }
            } else if let rejection = nameMismatch(expected: record.peer.name, identity) {
                return driver.reject(rejection)
            }
            driver.dial?.identified(driver)
            note(driver, asPeerOf: record)
        case .answerer:
            if identity.isOnDemand { return identifyOnDemand(driver, identity) }
            if isDuplicate(driver, identity) { return }
            guard let slot = try? takeSlot() else {
                return driver.reject(Rejection(.busy, "\(Self.connectionLimit) connections are open"))
            }
            let record = ConnectionRecord(
                slot: slot, engine: self, peer: driver.peer, peerText: driver.peerText, phase: .connecting(driver))
            adopt(record)
            noteContest(record, identity)
            welcome(driver, record)
        }
    }

    /// Who is at the other end, as it says itself.
    private func note(_ driver: HandshakeDriver, asPeerOf record: ConnectionRecord) {
        record.peer = driver.peer
        record.peerText = "\(driver.peerText) (\(driver.peer.name.shortened))"
        // A connection on demand may be made again, and then looks there too.
        if record.association != nil { record.peerPlaces = driver.toldPlaces }
    }

    /// The peer may talk to us: the connection is its.
    func welcome(_ driver: HandshakeDriver, _ record: ConnectionRecord) {
        driver.record = record
        driver.isSuccessor = if case .connected = record.phase { true } else { false }
        let (allowed, decisions) = choice(for: driver.peer)
        if !driver.isSuccessor {
            note(driver, asPeerOf: record)
            record.decisions = decisions
        }
        driver.tell(
            .peerAccepted(
                as: ownInfo(on: driver.stream.socket), transports: allowed.map(\.definition.number),
                refusals: refusals(decisions)))
    }

    /// What a peer is told of the transports that are left out.
    private func refusals(_ decisions: [ConnectionDecision]) -> [UInt32: Refusal] {
        var refusals: [UInt32: Refusal] = [:]
        for decision in decisions {
            guard let live = transports.first(where: { $0.definition.name == decision.transport }) else { continue }
            let code: RefusalCode = decision.outcome == .excluded ? .excluded : .unreachable
            refusals[live.definition.number] = Refusal(code, decision.reason)
        }
        return refusals
    }

    func nameMismatch(expected: String, _ identity: PeerIdentity) -> Rejection? {
        guard !expected.isEmpty else { return nil }
        let isSame =
            identity.info?.name.map { $0 == expected } ?? (identity.connection.name == WireName(expected))
        let actual = identity.info?.name ?? identity.connection.name.description
        return isSame
            ? nil : Rejection(.unknownName, "the address says \(expected.quoted), the peer is \(actual.quoted)")
    }

    /// The transports that settings and this host allow with a peer, in order, and why the others are left out.
    func choice(for peer: PeerDescription, _ selection: TransportSelection? = nil)
        -> (allowed: [LiveTransport], decisions: [ConnectionDecision])
    {
        let choice = (selection ?? self.selection).choose(for: peer)
        var decisions = choice.excluded.map {
            ConnectionDecision(transport: $0.name, outcome: .excluded, reason: $0.reason)
        }
        let named = choice.names.compactMap { name in transports.first { $0.definition.name == name } }
        for live in named {
            guard let refusal = live.refusal else { continue }
            decisions.append(
                ConnectionDecision(transport: live.definition.name, outcome: .refusedHere, reason: refusal.text))
        }
        return (named.filter { $0.refusal == nil }, decisions)
    }

    func makeAttempt(_ number: UInt32, _ role: AttemptRole, with peer: PeerDescription) throws(TransportRefusal)
        -> any TransportAttempt
    {
        guard let transport = transports.first(where: { $0.definition.number == number })?.transport else {
            throw TransportRefusal(.unreachable, "transport \(number) is not known here")
        }
        return try transport.makeAttempt(role, with: peer)
    }

    /// Who we are, on a socket: its own address is how the peer reached us, or how we reach it.
    /// - Parameter connectionID: nil for a new one.
    func ownInfo(on socket: Int32, connectionID: UInt64? = nil) -> ConnectionInfo {
        let bytes = SocketAddress.own(of: socket).address?.bytes ?? []
        let node = bytes.count == 4 ? bytes.reduce(UInt32(0)) { $0 << 8 | UInt32($1) } : 0
        return ConnectionInfo(
            origin: .tcp(port: Int32(listener?.port ?? 0)), node: node, rank: -1,
            connectionID: connectionID ?? nextConnectionID(),
            name: WireName(name))
    }

    /// - Parameter severalStreams: the same connect may come by other streams too.
    func ownVersion(severalStreams: Bool = false) -> VersionOffer {
        var random = SystemRandomNumberGenerator()
        let nonce = VersionOffer.Nonce(high: random.next(), low: random.next())
        let features = connectionFeatures | (severalStreams ? VersionOffer.Extension.severalStreams : 0)
        return VersionOffer(
            lowest: VersionOffer.pscomDialect, highest: VersionOffer.handfastDialect,
            handfast: VersionOffer.Extension(features: features, incarnation: incarnation, nonce: nonce))
    }

    /// What every connection of ours can do.
    var connectionFeatures: UInt64 {
        VersionOffer.Extension.rendezvousByMessages | VersionOffer.Extension.oneSided
            | VersionOffer.Extension.credit(exponent: state.pointee.creditExponent)
    }

    func ownPeerInfo() -> PeerInfo {
        var info = PeerInfo()
        info.name = name
        info.host = .current
        info.addresses = toldAddresses
        info.processID = UInt32(bitPattern: getpid())
        info.implementation = "handfast"
        return info
    }

    /// Agreed, unless the association has another stream by now.
    func complete(_ driver: HandshakeDriver, transport number: UInt32, attempt: any TransportAttempt) {
        guard let association = driver.association else {
            driver.dial?.agreed(driver)
            return establish(driver, transport: number, attempt: attempt)
        }
        association.agreed(driver) { self.establish(driver, transport: number, attempt: attempt) }
        over(driver)
    }

    /// The transport carries the connection from here on.
    private func establish(_ driver: HandshakeDriver, transport number: UInt32, attempt: any TransportAttempt) {
        guard let record = driver.record,
            let index = transports.firstIndex(where: { $0.definition.number == number }),
            let socket = driver.takeSocket()
        else { return over(driver) }
        if driver.isSuccessor { note(driver, asPeerOf: record) }
        record.decisions = decisionPool.share(decisions(of: driver, record))
        let way = driver.rendezvousWay
        let takesSocket = attempt.takesSocket
        do throws(TransportRefusal) {
            try carry(record, by: index, attempt, socket: socket.number, way)
        } catch {
            over(driver)
            return end(record, fault(of: record, by: index, error))
        }
        if takesSocket {
            _ = socket.release()
        } else {
            record.lifelineWatch = watches.add(socket.number, .lifeline(record), readable: true, writable: false)
            record.lifeline = consume socket
        }
        over(driver)
        let isTaken = record.association != nil || record.isClosedByUser
        if driver.role == .answerer, !isTaken { incoming.append(record) }
        // Without its sign of life a dead peer would never be found out.
        if record.lifeline != nil, record.lifelineWatch == nil {
            return end(record, HandfastError(.resources, "\(record.peerText): epoll cannot watch one more connection"))
        }
        record.peerIncarnation = driver.peerIncarnation
        record.slot.begin(peerFeatures: driver.peerFeatures ?? 0)
        if record.isClosedByUser { leave(record) }
    }

    /// Opens the channel of an accepted attempt; what is queued goes out with the next `flush`.
    /// - Parameters:
    ///   - index: of the transport.
    ///   - way: of payloads that wait for a receive, where the peer cannot read them from our memory.
    /// - Throws: when there is no channel, because the transport is at fault: it is left out from then on.
    func carry(
        _ record: ConnectionRecord, by index: Int, _ attempt: any TransportAttempt, socket: Int32,
        _ way: RendezvousThresholds.Way
    ) throws(TransportRefusal) {
        guard let transport = transports[index].transport else { return }
        let slot = record.slot
        let peerReads = transport.operations.pointee.read != nil && attempt.peerReads
        slot.pointee.offersHandles = !peerReads
        slot.pointee.inbound.prefersChannel = attempt.prefersChannel
        func byteCount(_ way: RendezvousThresholds.Way) -> Int {
            rendezvous.byteCount(over: transports[index].definition.name, way)
        }
        slot.pointee.setByteCounts(
            announced: byteCount(peerReads ? attempt.prefersChannel ? .channel : .read : way),
            readPart: transport.operations.pointee.read != nil ? byteCount(.read) : .max,
            asksTransport: peerReads && attempt.prefersChannel && transport.operations.pointee.read_is_sooner != nil)
        state.pointee.poll(alsoTransport: transport.state)
        do throws(TransportRefusal) {
            slot.pointee.channel = try attempt.open(socket: socket, engine: engineOperations, connection: slot)
        } catch {
            transports[index].leaveOut(error)
            let name = transports[index].definition.name
            logger.error(
                "transport is at fault and left out", metadata: ["transport": "\(name)", "reason": "\(error.text)"])
            throw error
        }
        slot.pointee.operations = transport.operations
        record.phase = .connected(transport: index)
        record.error = nil
        record.channelReason = nil
        logger.debug(
            "connected", metadata: ["peer": "\(record.peerText)", "transport": "\(transports[index].definition.name)"])
    }

    /// What the user is told of a connection whose transport was agreed on and then gave no channel.
    private func fault(of record: ConnectionRecord, by index: Int, _ refusal: TransportRefusal) -> HandfastError {
        let name = transports[index].definition.name
        let decision = ConnectionDecision(transport: name, outcome: .refusedHere, reason: refusal.text)
        record.decisions = decisionPool.share(record.decisions.map { $0.transport == name ? decision : $0 })
        return HandfastError(
            .noTransport,
            "\(record.peerText): the transport \(name) is not available: \(refusal.text); the next connect leaves it out"
        )
    }

    /// The peer did not answer at all.
    /// - Parameter reason: nil for what the system says of the error.
    func connectFailed(_ driver: HandshakeDriver, _ error: Int32, _ reason: String? = nil) {
        driver.endPhase(.connect)
        let text = "\(driver.peerText): \(reason ?? systemErrorText(error)); is a peer listening there?"
        over(driver)
        driver.dial?.failed(driver, HandfastError(.unreachable, text, systemError: error), nil)
    }

    /// The handshake failed; its socket may stay a moment for the peer to read why.
    func failed(_ driver: HandshakeDriver) {
        guard let failure = driver.failure else { return }
        let decisions = driver.record.map { self.decisions(of: driver, $0) } ?? []
        if let record = driver.record, !driver.isSuccessor { record.decisions = decisionPool.share(decisions) }
        let error = HandfastError(failure, peer: driver.peerText, decisions: decisions)
        if driver.role == .answerer, failure != .abandoned {
            let isUsual = failure.isSuperseded || driver.isSpare || (driver.isUnheard && failure.isStreamEnd)
            if !isUsual {
                tellRefusal(of: driver.peer.address, driver.peerText, error.message + refusalsGiven(by: driver))
            }
        }
        guard let record = driver.record else { return }
        driver.record = nil
        driver.dial?.failed(driver, error, failure)
        if let association = driver.association { return association.failed(driver, failure) }
        if driver.dial == nil { end(record, error) }
    }

    /// For the log: the transports that the peer asked for in vain, and what it was told of them.
    private func refusalsGiven(by driver: HandshakeDriver) -> String {
        let texts = driver.decisions.compactMap { decision -> String? in
            guard case .refusedHere(let refusal) = decision.outcome else { return nil }
            return "; it asked for \(transportName(decision.transport)) and was refused: \(refusal.text)"
        }
        return texts.joined()
    }

    /// - Parameter host: the peer's address, 4 or 16 bytes.
    func tellRefusal(of host: [UInt8], _ peer: String, _ reason: String) {
        refusalLog.tell(of: host, peer, reason)
        watch(refusalLog)
    }

    func tellSlowness(of driver: HandshakeDriver, since elapsed: Duration) {
        slowLog.tell(of: driver.peer.address, driver.peerText, "\(driver.waitingFor) is awaited since \(elapsed)")
        watch(slowLog)
    }

    func transportName(_ number: UInt32) -> String {
        transportNames[number] ?? "transport \(number)"
    }

    /// What the handshake says of each transport.
    private func decisions(of driver: HandshakeDriver, _ record: ConnectionRecord) -> [ConnectionDecision] {
        // What was left out beforehand is known already, also if the peer asked for it.
        var decisions = driver.isSuccessor ? choice(for: driver.peer).decisions : record.decisions
        let leftOut = Set(decisions.map(\.transport))
        decisions += driver.decisions.map { ConnectionDecision($0, name: transportName($0.transport)) }
            .filter { !leftOut.contains($0.transport) }
        let known = Set(decisions.map(\.transport))
        for live in transports where !known.contains(live.definition.name) {
            decisions.append(
                ConnectionDecision(
                    transport: live.definition.name, outcome: .notTried,
                    reason: driver.failure == nil ? "an earlier one was agreed on" : "the handshake ended first"))
        }
        return decisions
    }
}

extension HandshakeFailure {
    fileprivate var isStreamEnd: Bool { if case .streamEnded = self { true } else { false } }

    /// Another stream of the same peer took its place, which troubles nobody.
    fileprivate var isSuperseded: Bool {
        switch self {
        case .rejected(let rejection), .rejectedByPeer(let rejection): rejection.code == .superseded
        default: false
        }
    }
}

extension ConnectionDecision {
    init(_ decision: TransportDecision, name: String) {
        transport = name
        switch decision.outcome {
        case .chosen: (outcome, reason) = (.chosen, "")
        case .refusedHere(let refusal): (outcome, reason) = (.refusedHere, refusal.text)
        case .refusedByPeer(let refusal): (outcome, reason) = (.refusedByPeer, refusal?.text.escaped() ?? "")
        case .unfinished: (outcome, reason) = (.notTried, "the handshake ended while it was being tried")
        }
    }
}

extension HandfastError {
    init(_ failure: HandshakeFailure, peer: String, decisions: [ConnectionDecision]) {
        let why = decisions.map(\.description).joined(separator: "; ")
        switch failure {
        case .rejectedByPeer(let rejection) where rejection.code == .noCommonTransport,
            .rejected(let rejection) where rejection.code == .noCommonTransport:
            self.init(.noTransport, "\(peer): no transport works between the two processes (\(why))")
        case .rejectedByPeer(let rejection):
            self.init(.rejected, "\(peer) refused the connection: \(rejection.text.escaped())")
        case .rejected(let rejection):
            self.init(.rejected, "\(peer) was refused: \(rejection.text)")
        case .streamEnded(let waitingFor):
            self.init(.peerLost, "\(peer) closed the connection while \(waitingFor) was awaited from it")
        case .abandoned:
            self.init(.peerLost, "\(peer): another connection to the same peer took the place of this one")
        case .deadlinePassed(let waitingFor):
            self.init(
                .timeout,
                "\(peer): the handshake's deadline (\(Settings.handshakeTimeout.name)) passed while \(waitingFor) was awaited"
            )
        case .refusedAfterProposal(_, let refusal):
            self.init(
                .noTransport, "\(peer): a pscom peer cannot be offered another transport after \(refusal.text) (\(why))"
            )
        }
    }
}

extension UnsafeMutablePointer<ConnectionSlot> {
    /// The channel is there: all that was queued goes out.
    func begin(peerFeatures: UInt64) {
        pointee.servesOneSided = peerFeatures & VersionOffer.Extension.oneSided != 0
        beginCredit(peerExponent: VersionOffer.Extension.creditExponent(peerFeatures))
        flush()
        if pointee.servesOneSided { issueOperations() } else { endOperations(EndReason(.noOneSided)) }
    }
}
