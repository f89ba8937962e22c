import Glibc
import Logging
import Precon
import TransportAPI

// How connections begin, on both sides.

extension Engine {
    /// Peers that are accepted before others get their turn.
    private static let acceptsPerTurn = 16
    /// Who comes in earnest speaks as soon as the TCP connection stands.
    private static let silenceOfStrangers = Duration.milliseconds(100)

    func listen(on address: IPAddress?, port: UInt16) throws(HandfastError) {
        try checkOpen()
        guard listener == nil else { throw HandfastError(.invalidArgument, "the endpoint listens already") }
        let listener = try Listener(on: address, port: port)
        guard listener.watch(by: watches) else {
            throw HandfastError(.resources, "cannot watch the listener: \(systemErrorText(errno))", systemError: errno)
        }
        self.listener = listener
    }

    func checkOpen() throws(HandfastError) {
        if isClosing { throw HandfastError(.closed, "the endpoint \(name) was closed") }
    }

    func acceptAll() {
        guard let listener else { return }
        for _ in 0..<Self.acceptsPerTurn {
            let accepted = listener.accept { socket, systemError in
                let why = systemErrorText(systemError)
                turnAway(socket, "\(name) cannot take another connection now: \(why)")
            }
            switch consume accepted {
            case .nobody: return
            case .turnedAway: return
            case .socket(let socket): answer(socket)
            case .shortage(let systemError, let isNew):
                if isNew {
                    logger.error("no peer can be accepted", metadata: ["reason": "\(systemErrorText(systemError))"])
                }
                listener.takeRest()
                return watch(listener)
            }
        }
    }

    private func answer(_ socket: consuming Descriptor) {
        let from = SocketAddress.peer(of: socket.number)
        let text = from.description
        guard answererCount < settings.pendingHandshakeLimit || giveUpSilentStranger() else {
            return turnAway(
                socket.number,
                "\(name) has \(answererCount) unfinished handshakes, as many as its HANDFAST_PENDING_HANDSHAKES allows:"
                    + " raise it there, or see in its log who connects and does not go on")
        }
        guard !isOverfull else {
            return turnAway(
                socket.number,
                "\(name) keeps \(state.pointee.unexpectedByteCount) bytes of messages that it has not received")
        }
        let bytes = from.address?.bytes ?? []
        let peer = PeerDescription(name: "", address: bytes, isLocal: from.address?.isLoopback ?? false)
        add(makeAnswerer(socket, peer: peer, text))
    }

    /// Makes room for who comes: the one that has connected first and said nothing since must go.
    private func giveUpSilentStranger() -> Bool {
        let silence = Self.silenceOfStrangers
        let start = ContinuousClock.now - silence
        let silent = drivers.values.filter { $0.isStranger && $0.startedAt < start }
            .sorted { $0.startedAt < $1.startedAt }
        // What has come may not have been read yet.
        guard let oldest = silent.first(where: { !$0.stream.hasIncoming }) else { return false }
        oldest.reject(Rejection(.busy, "it has said nothing for \(silence), and another peer needs its place"))
        over(oldest)
        return true
    }

    /// For who does not even get a handshake.
    private func turnAway(_ socket: Int32, _ reason: String) {
        let from = SocketAddress.peer(of: socket)
        let frame = PreconMessage.reject(Rejection(.busy, reason)).frame
        // It has sent its first flight, perhaps: unread, it would take our words with it.
        withUnsafeTemporaryAllocation(byteCount: 4_096, alignment: 1) { buffer in
            _ = recv(socket, buffer.baseAddress, buffer.count, Int32(MSG_DONTWAIT))
        }
        _ = frame.withUnsafeBytes { send(socket, $0.baseAddress, $0.count, Int32(MSG_DONTWAIT) | Int32(MSG_NOSIGNAL)) }
        tellRefusal(of: from.address?.bytes ?? [], from.description, reason)
    }

    private func makeAnswerer(_ socket: consuming Descriptor, peer: PeerDescription, _ text: String) -> HandshakeDriver
    {
        HandshakeDriver(
            engine: self, socket: socket,
            handshake: Handshake(
                answeringWith: ownVersion(), peerInfo: ownPeerInfo(), transportNames: transportNames),
            isConnected: true, peer: peer, peerText: text, deadline: .now + settings.handshakeTimeout)
    }

    func connect(to address: EndpointAddress, _ selection: TransportSelection?) throws(HandfastError)
        -> ConnectionRecord
    {
        try checkOpen()
        let peer = describe(address.host, name: address.name ?? "")
        return try makeRecord(peer, EndpointAddress.Place.list(address.places)) { record throws(HandfastError) in
            try address.checkScopes()
            try self.begin(record, address.places, selection)
        }
    }

    /// The same for a text that may have host names.
    func connect(to text: EndpointText, _ selection: TransportSelection?) throws(HandfastError) -> ConnectionRecord {
        guard !text.hostNames.isEmpty else { return try connect(to: try EndpointAddress(text), selection) }
        try checkOpen()
        try text.checkScopes()
        let peer = PeerDescription(name: text.name ?? "", address: [], isLocal: false)
        return try makeRecord(peer, text.text) { record throws(HandfastError) in
            let now = ContinuousClock.now
            let limit = min(settings.resolveTimeout, settings.retryPolicy.deadline)
            let resolution = try Resolution(text, in: self, within: limit) {
                [unowned self, unowned record] places, failures in
                resolved(record, places, failures, selection, since: now)
            }
            record.phase = .resolving(resolution)
        }
    }

    /// The resolver has answered, or has not in time.
    func resolved(
        _ record: ConnectionRecord, _ places: [EndpointAddress.Place], _ failures: [HandfastError],
        _ selection: TransportSelection?, since start: ContinuousClock.Instant
    ) {
        do throws(HandfastError) {
            guard let first = places.first else {
                let reasons = failures.map(\.message).joined(separator: "; ")
                guard start.duration(to: .now) < settings.retryPolicy.deadline else {
                    throw HandfastError(.timeout, "\(lateness): \(reasons)")
                }
                throw HandfastError(.unreachable, reasons)
            }
            record.peer = describe(first.host, name: record.peer.name)
            try begin(record, places, selection, since: start, unresolved: failures)
        } catch { end(record, error) }
    }

    /// Of a connect that has no more time.
    var lateness: String {
        "no connection within \(settings.retryPolicy.deadline) (\(Settings.connectDeadline.name))"
    }

    private func makeRecord(
        _ peer: PeerDescription, _ text: String, begin: (ConnectionRecord) throws(HandfastError) -> Void
    ) throws(HandfastError) -> ConnectionRecord {
        let record = ConnectionRecord(slot: try takeSlot(), engine: self, peer: peer, peerText: text)
        adopt(record)
        record.slot.pointee.isKnownToUser = true
        if keepsPhases { record.phaseLog = PhaseLog() }
        do throws(HandfastError) {
            try begin(record)
        } catch {
            free(record)
            throw error
        }
        return record
    }

    /// - Throws: before the network is touched: who has nothing to propose does not bother the peer.
    private func begin(
        _ record: ConnectionRecord, _ places: [EndpointAddress.Place], _ selection: TransportSelection?,
        since start: ContinuousClock.Instant = .now, unresolved: [HandfastError] = []
    ) throws(HandfastError) {
        if areOwn(places) { return try connectToSelf(record, selection) }
        let proposals = try propose(to: record.peer, record.peerText, selection)
        let ranked = ranked(places)
        let dial = Dial(
            ranked, startingAt: lastWinner(of: ranked), for: record, selection: selection, onDemand: false,
            since: start, unresolved: unresolved)
        if ranked.count == 1 { dial.proposals = proposals }
        record.phase = .dialing(dial)
        dial.proceed()
    }

    /// A handshake that begins with a TCP connect to one of a peer's places.
    /// - Parameter connectionID: the same for all streams of the connect; nil for one of its own.
    func makeDialer(
        to place: EndpointAddress.Place, _ record: ConnectionRecord, selection: TransportSelection?, onDemand: Bool,
        connectionID: UInt64?, severalStreams: Bool, proposals known: Proposals?
    ) throws(HandfastError) -> HandshakeDriver {
        let peer = describe(place.host, name: record.peer.name)
        let proposals = if let known { known } else { try propose(to: peer, place.description, selection) }
        record.decisions = proposals.decisions
        let socket = try openSocket(to: place)
        let driver = makeStarter(
            socket, peer, place.description, proposals, isConnected: false, onDemand: onDemand,
            connectionID: connectionID, severalStreams: severalStreams)
        driver.record = record
        return driver
    }

    /// A socket that is being connected.
    func openSocket(to place: EndpointAddress.Place) throws(HandfastError) -> Descriptor {
        var system = try SocketAddress(place.host, port: place.port)
        let number = socket(
            system.family,
            Int32(SOCK_STREAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard number >= 0 else {
            throw HandfastError(
                .resources, "no socket for \(system): \(systemErrorText(errno))", systemError: errno)
        }
        let descriptor = Descriptor(owning: number)
        let result = system.withPointer { Glibc.connect(number, $0, $1) }
        guard result == 0 || errno == EINPROGRESS else {
            throw HandfastError(
                .unreachable, "\(system): \(systemErrorText(errno))", systemError: errno)
        }
        // The peer is on its way already.
        tune(number)
        return descriptor
    }

    /// Both ends are here: the handshake runs over a pair of sockets, and nothing else is different.
    func connectToSelf(_ record: ConnectionRecord, _ selection: TransportSelection?) throws(HandfastError) {
        var peer = record.peer
        (peer.isSelf, peer.isLocal) = (true, true)
        let text = record.peerText
        let proposals = try propose(to: peer, text, selection)
        var pair: (Int32, Int32) = (-1, -1)
        let kind = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
        let result = withUnsafeMutablePointer(to: &pair) {
            $0.withMemoryRebound(to: Int32.self, capacity: 2) { socketpair(AF_UNIX, kind, 0, $0) }
        }
        guard result == 0 else {
            throw HandfastError(.resources, "no sockets for \(text): \(systemErrorText(errno))", systemError: errno)
        }
        let near = Descriptor(owning: pair.0)
        let far = Descriptor(owning: pair.1)
        let driver = makeStarter(near, peer, text, proposals, isConnected: true, onDemand: false)
        record.phase = .connecting(driver)
        record.peer = peer
        record.decisions = proposals.decisions
        driver.record = record
        add(driver)
        add(makeAnswerer(far, peer: peer, "this endpoint"))
    }

    private func makeStarter(
        _ socket: consuming Descriptor, _ peer: PeerDescription, _ text: String, _ proposals: Proposals,
        isConnected: Bool, onDemand: Bool, connectionID: UInt64? = nil, severalStreams: Bool = false
    ) -> HandshakeDriver {
        let timeout = isConnected ? settings.handshakeTimeout : settings.connectTimeout
        let number = socket.number
        let driver = HandshakeDriver(
            engine: self, socket: socket,
            handshake: Handshake(
                startingAs: ownInfo(on: number, connectionID: connectionID), onDemand: onDemand,
                version: ownVersion(severalStreams: severalStreams), peerInfo: ownPeerInfo(),
                transports: proposals.transports, transportNames: transportNames),
            isConnected: isConnected, peer: peer, peerText: text, deadline: .now + timeout)
        driver.prepared = proposals.attempts
        return driver
    }

    /// What an address alone tells; a Handfast peer says later whether it is on this host.
    func describe(_ address: IPAddress, name: String) -> PeerDescription {
        PeerDescription(name: name, address: address.bytes, isLocal: leadsHere(address))
    }

    func leadsHere(_ address: IPAddress) -> Bool {
        address.isLoopback || address.isUnspecified || hostAddresses.contains(address)
    }
}
