import Precon

/// One on-demand connection that is or was in use: carries the actions of its `OnDemandArbiter` out.
final class Association: DeadlineHolder {
    unowned let engine: Engine
    unowned let record: ConnectionRecord
    private let target: PeerTarget
    /// Of the target, the best first; empty until host names are resolved.
    private var known: [EndpointAddress.Place]
    private var resolution: Resolution?
    private var arbiter: OnDemandArbiter
    /// The peer's.
    private var streams: [StreamID: HandshakeDriver] = [:]
    /// This side's: those of a connect race, and the arbiter knows them by the number of the first.
    private var forward: StreamID?
    /// The last of them that has come.
    private var newcomer: StreamID?
    /// This side has connected, and a connect of the peer's may have crossed that.
    private var mayBeCrossed = false
    /// Of the peer's stream that was let in last.
    private var contest: Contest?
    /// This side's own connect, from the first attempt to the end of the demand.
    private var dial: Dial?
    private var back: BackConnect?
    private var establishedStream: StreamID?
    /// When this side began to want the connection that it does not have yet.
    private(set) var demandedAt: ContinuousClock.Instant?
    private var deadlines: [OnDemandTimer: ContinuousClock.Instant] = [:]
    /// The transport that a handshake agreed on, until the arbiter takes it.
    private var agreement: (() -> Void)?
    private var events: [OnDemandEvent] = []
    /// At its deadline: how far it had come, at each place.
    private var standing: [String] = []
    /// Why no address led to the peer.
    private var refusal: HandfastError?

    init(_ record: ConnectionRecord, target: PeerTarget) {
        engine = record.engine
        self.record = record
        self.target = target
        known = target.address.map { record.engine.ranked($0.places) } ?? []
        arbiter = OnDemandArbiter(local: PeerName(record.engine.name), peer: PeerName(target.name ?? ""))
    }

    /// Where the peer is said to be, then where it said itself that it listens: the user's word goes first.
    var places: [EndpointAddress.Place] {
        let told = engine.ranked(record.peerPlaces.filter { !known.contains($0) })
        return Array((known + told).prefix(EndpointAddress.maximumPlaceCount))
    }

    var isIdle: Bool { arbiter.isIdle }
    /// Of this side's streams that are under way; nil for none.
    var connectionID: UInt64? { dial?.connectionID }
    /// A handshake or a look-up of names is under way.
    var hasStreams: Bool { !streams.isEmpty || resolution != nil || dial?.isBetweenAttempts == false }
    var waitingFor: String { arbiter.waitingFor }
    /// Where the peer is being asked to connect.
    var asking: EndpointAddress.Place? { back?.place }
    var nextDeadline: ContinuousClock.Instant? { deadlines.values.min() }

    /// Hands an event to the arbiter and does what it says; events that come of that are handed over in turn.
    func tell(_ event: OnDemandEvent) {
        events.append(event)
        guard events.count == 1 else { return }
        while let event = events.first {
            for action in arbiter.handle(event) { act(action) }
            events.removeFirst()
        }
    }

    func checkDeadlines(_ now: ContinuousClock.Instant) {
        for (timer, deadline) in deadlines where deadline <= now {
            deadlines[timer] = nil
            if timer == .demand {
                standing = standingNow
                demandedAt = nil
            }
            tell(.timerPassed(timer))
        }
    }

    /// How far it is with each address.
    private var standingNow: [String] {
        if let resolution { return ["\(resolution.text.text): the addresses of its host names were awaited"] }
        return (back.map { [$0.standing] } ?? []) + (dial?.standing ?? [])
    }

    // MARK: Streams

    /// A peer's stream that names this peer.
    func accept(_ driver: HandshakeDriver, _ claim: PeerClaim, _ contest: Contest?) {
        driver.association = self
        driver.isSpare = contest != nil && contest == self.contest
        self.contest = contest
        streams[driver.id] = driver
        newcomer = driver.id
        tell(.accepted(driver.id, claim))
    }

    func askedToConnect(_ driver: HandshakeDriver) {
        streams[driver.id] = driver
        tell(.askedToConnect(driver.id))
    }

    func opened(_ driver: HandshakeDriver) {
        driver.association = self
        guard forward == nil else { return }
        forward = driver.id
        mayBeCrossed = true
        tell(.forwardOpened(driver.id))
    }

    /// - Returns: whether it is the peer, as far as can be seen.
    func identified(_ driver: HandshakeDriver, _ claim: PeerClaim) -> Bool {
        if let rejection = arbiter.objection(to: claim) {
            driver.reject(rejection)
            return false
        }
        guard let forward else { return false }
        tell(.forwardIdentified(forward, claim))
        return true
    }

    /// No place of the peer is left to be tried.
    func gaveUp(_ dial: Dial, _ error: HandfastError, isRefused: Bool) {
        guard self.dial === dial else { return }
        if let stream = forward.take() { tell(.streamFailed(stream, .abandoned)) }
        self.dial = nil
        if isRefused { refusal = error }
        tell(isRefused ? .forwardRefused(error.message) : .forwardUnreachable(error.message))
    }

    /// - Parameter establish: hands the connection to the transport; not called when it is not wanted any more.
    func agreed(_ driver: HandshakeDriver, establish: @escaping () -> Void) {
        driver.dial?.agreed(driver)
        streams[driver.id] = nil
        let stream = driver.role == .starter ? forward.take() ?? driver.id : driver.id
        agreement = establish
        tell(.agreed(stream))
    }

    /// The connection is over.
    func ended() {
        guard let stream = establishedStream.take() else { return }
        tell(.associationEnded(stream))
    }

    func failed(_ driver: HandshakeDriver, _ failure: HandshakeFailure) {
        if driver.role == .starter { return forwardFailed(failure) }
        guard streams.removeValue(forKey: driver.id) != nil else { return }
        tell(.streamFailed(driver.id, failure))
    }

    /// One of this side's streams came to nothing: the arbiter hears of it when it was the last, or says what holds for all.
    private func forwardFailed(_ failure: HandshakeFailure) {
        guard let stream = forward, let dial else { return }
        let goesOn: Bool
        switch failure {
        case .rejectedByPeer(let rejection) where rejection.code == .superseded:
            dial.cancel()
            goesOn = false
        // Who would wait for the peer's own connect now looks at the other places first.
        case .streamEnded where !arbiter.prevails: goesOn = dial.hasMore
        default: goesOn = dial.hasOpenStream
        }
        if arbiter.isOffering, goesOn { return dial.proceed() }
        forward = nil
        tell(.streamFailed(stream, failure))
    }

    func backConnectEnded(_ connect: BackConnect, _ failure: String?) {
        guard back === connect else { return }
        back = nil
        tell(failure.map { .backConnectFailed($0) } ?? .backConnectAcknowledged)
    }

    // MARK: Actions

    private func act(_ action: OnDemandAction) {
        switch action {
        case .connectForward: connectForward()
        case .connectBack: connectBack()
        case .cancelConnect:
            resolution.take()?.abandon()
            dial?.cancel()
            if let connect = back.take() { connect.finish() }
        case .accept(let stream):
            mayBeCrossed = false
            if let driver = streams[stream] { engine.welcome(driver, record) }
        case .reject(forward, let rejection):
            forward = nil
            dial?.reject(rejection)
        case .reject(let stream, let rejection):
            let driver = streams.removeValue(forKey: stream)
            if stream == newcomer, rejection.code == .busy, mayBeCrossed {
                mayBeCrossed = false
                driver?.isSpare = true
            }
            driver?.reject(rejection)
        case .abandon(forward):
            forward = nil
            dial?.cancel()
        case .abandon(let stream): streams.removeValue(forKey: stream)?.abandon()
        case .acknowledge(let stream): streams.removeValue(forKey: stream)?.acknowledgeAndClose()
        case .arm(let timer):
            let deadline = ContinuousClock.now + engine.timeout(of: timer)
            deadlines[timer] = deadline
            if timer == .demand { demandedAt = .now }
            engine.watch(self)
        case .disarm(let timer):
            deadlines[timer] = nil
            if timer == .demand { demandedAt = nil }
        case .established(let stream, _):
            establishedStream = stream
            endDial()
            agreement.take()?()
        case .failed(let failure):
            endDial()
            engine.demandFailed(record, error(failure))
        case .peerRestarted:
            establishedStream = nil
            engine.end(record, HandfastError(.peerRestarted, "\(record.peerText) was restarted"))
        }
    }

    private func error(_ failure: OnDemandFailure) -> HandfastError {
        if case .refused = failure, let refusal = refusal.take() { return refusal }
        let own = engine.address?.description ?? engine.name
        var error = HandfastError(failure, peer: record.peerText, own: own)
        if case .deadlinePassed(let waitedFor) = failure {
            error.message = "\(record.peerText): \(engine.lateness), \(waitedFor) was awaited"
            if !standing.isEmpty { error.message += ": \(standing.joined(separator: "; "))" }
        }
        standing = []
        return error
    }

    private func connectForward() {
        guard dial == nil, case .text(let text) = target else { return proceed(unresolved: []) }
        do throws(HandfastError) {
            resolution = try Resolution(text, in: engine, within: engine.settings.resolveTimeout) {
                [unowned self] places, failures in
                resolution = nil
                known = engine.ranked(places)
                proceed(unresolved: failures)
            }
        } catch { tell(.forwardUnreachable(error.message)) }
    }

    private func proceed(unresolved: [HandfastError]) {
        let places = places
        guard !places.isEmpty else {
            return tell(.forwardUnreachable(unresolved.map(\.message).joined(separator: "; ")))
        }
        if dial == nil {
            dial = Dial(
                places, startingAt: engine.lastWinner(of: places), for: record, selection: nil, onDemand: true,
                since: demandedAt ?? .now, unresolved: unresolved)
        }
        dial?.proceed()
    }

    private func endDial() {
        resolution.take()?.abandon()
        dial?.cancel()
        (dial, forward) = (nil, nil)
    }

    private func connectBack() {
        do throws(HandfastError) {
            back = try BackConnect(self)
        } catch { tell(.backConnectFailed(error.message)) }
    }

    /// Ends all that is under way, without a report.
    func withdraw() {
        tell(.withdrawn)
        endDial()
        for driver in streams.values { engine.over(driver) }
        streams = [:]
        deadlines = [:]
        demandedAt = nil
    }
}
