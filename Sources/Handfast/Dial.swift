import Glibc
import Precon
import TransportAPI

/// A connect of this side under way: which of the peer's places is tried when, until one of them is the peer.
final class Dial: DeadlineHolder {
    unowned let engine: Engine
    private unowned let record: ConnectionRecord
    private let places: [EndpointAddress.Place]
    private let selection: TransportSelection?
    private let isOnDemand: Bool
    private var retry: ConnectRetry
    /// When the connection was asked for: its deadline counts from here.
    let startedAt: ContinuousClock.Instant
    /// Of host names.
    private let unresolved: [HandfastError]
    /// The connection id of all streams of one round, by which a Handfast peer takes only one of them.
    private(set) var connectionID: UInt64
    private var round = 1
    private var underWay: [Int: HandshakeDriver] = [:]
    /// By place: why it came to nothing the last time.
    private var failures: [Int: HandfastError] = [:]
    /// Made before the first attempt, for the only place.
    var proposals: Proposals?
    /// The stream that the others were given up for.
    private var winner: HandshakeDriver?
    private var isProceeding = false
    private(set) var nextDeadline: ContinuousClock.Instant?

    init(
        _ places: [EndpointAddress.Place], startingAt first: Int, for record: ConnectionRecord,
        selection: TransportSelection?, onDemand: Bool, since startedAt: ContinuousClock.Instant,
        unresolved: [HandfastError] = []
    ) {
        engine = record.engine
        self.startedAt = startedAt
        connectionID = engine.nextConnectionID()
        self.unresolved = unresolved
        self.record = record
        self.places = places
        self.selection = selection
        isOnDemand = onDemand
        retry = ConnectRetry(
            policy: record.engine.settings.retryPolicy, addressCount: places.count, startingAt: first)
    }

    var peerName: String { record.peer.name }
    var isBetweenAttempts: Bool { underWay.isEmpty }
    /// A TCP connection stands whose peer may yet be the one.
    var hasOpenStream: Bool { underWay.values.contains(where: \.wasOpened) }
    /// Something may come of this round.
    var hasMore: Bool { !underWay.isEmpty || retry.hasMore }
    var waitingFor: String { underWay.values.first?.waitingFor ?? "the next attempt" }

    /// Does what is due.
    func proceed() {
        // An attempt may end while it is being made: the loop goes on by itself.
        guard !isProceeding else { return }
        isProceeding = true
        defer { isProceeding = false }
        nextDeadline = nil
        if winner != nil, elapsed < retry.policy.deadline { return awaitDeadline() }
        while true {
            switch retry.next(elapsed: elapsed, random: .random(in: 0...UInt64.max)) {
            case .connect(let index): begin(index)
            case .wait(let until):
                nextDeadline = startedAt + until
                return engine.watch(self)
            case .giveUp(.deadlinePassed):
                // A demand has a timer of the same length, which ends all of it.
                if isOnDemand { return }
                let error = HandfastError(
                    .timeout, "\(engine.lateness): \(standing.joined(separator: "; "))")
                reject(Rejection(.timeout, "the deadline for the connect passed"))
                return engine.end(record, error)
            case .giveUp(let ending):
                let error = error(ending)
                cancel()
                if isOnDemand {
                    record.association?.gaveUp(self, error, isRefused: ending != .attemptsUsed)
                } else {
                    engine.end(record, error)
                }
                return
            }
        }
    }

    func checkDeadlines(_ now: ContinuousClock.Instant) { proceed() }

    /// A TCP connection stands; others may still be faster to say who is there.
    func opened(_ driver: HandshakeDriver) { if isOnDemand { record.association?.opened(driver) } }

    /// The peer has said who it is, and it is the right one.
    func identified(_ driver: HandshakeDriver) {
        abandonOthers(than: driver)
        if !isOnDemand { remember(driver) }
    }

    /// The next connect to the same peer begins where this stream leads.
    func remember(_ driver: HandshakeDriver) {
        guard let index = index(of: driver) else { return }
        engine.remember(places[index], of: places)
    }

    /// A stream came to nothing. An association asks for the next one itself.
    /// - Parameter failure: nil when there was no TCP connection.
    func failed(_ driver: HandshakeDriver, _ error: HandfastError, _ failure: HandshakeFailure?) {
        guard let index = index(of: driver) else { return }
        underWay[index] = nil
        var outcome = failure.map(ConnectRetry.Outcome.init) ?? .passing
        // Before it is known who is there, a refusal says something of that place alone.
        if outcome == .lasting, winner !== driver { outcome = .wrongPeer }
        if winner === driver { winner = nil }
        failures[index] = error
        retry.ended(address: index, outcome, elapsed: elapsed)
        if !isOnDemand || !driver.wasOpened { proceed() }
    }

    /// The stream is the connection's from here on.
    func agreed(_ driver: HandshakeDriver) {
        remember(driver)
        if let index = index(of: driver) { underWay[index] = nil }
        winner = nil
        cancel()
    }

    /// Closes what is under way, without noise.
    func cancel() { end { $0.abandon() } }

    /// The peer turned out to be this endpoint: the connection goes on without a stream of this connect.
    func goLoopback() {
        cancel()
        do throws(HandfastError) {
            try engine.connectToSelf(record, selection)
        } catch { engine.end(record, error) }
    }

    /// Ends it for a reason that the peer is told.
    func reject(_ rejection: Rejection) { end { $0.reject(rejection) } }

    private func end(_ end: (HandshakeDriver) -> Void) {
        let drivers = underWay.values
        (underWay, winner, nextDeadline) = ([:], nil, nil)
        retry.cancelled(elapsed: elapsed)
        engine.unwatch(self)
        for driver in drivers { giveUp(driver, end) }
    }

    /// Nobody is told how it ends.
    private func giveUp(_ driver: HandshakeDriver, _ end: (HandshakeDriver) -> Void) {
        driver.record = nil
        if case .completing = driver.stage { engine.over(driver) } else { end(driver) }
    }

    /// Of each place: in which state it is, or how it ended; for a connect that has no more time.
    var standing: [String] {
        let ofPlaces = places.enumerated().map { index, place in
            guard let driver = underWay[index] else { return failures[index]?.message ?? "\(place): not tried yet" }
            let before = failures[index].map { ", after: \($0.message)" } ?? ""
            return "\(place): \(driver.standing)\(before)"
        }
        return unresolved.map(\.message) + ofPlaces
    }

    private var elapsed: Duration { startedAt.duration(to: .now) }

    private func index(of driver: HandshakeDriver) -> Int? { underWay.first { $0.value === driver }?.key }

    private func begin(_ index: Int) {
        // The peer may still hold a stream of the last round.
        if round != retry.attempt { (round, connectionID) = (retry.attempt, engine.nextConnectionID()) }
        do throws(HandfastError) {
            let driver = try engine.makeDialer(
                to: places[index], record, selection: selection, onDemand: isOnDemand,
                connectionID: connectionID, severalStreams: places.count > 1,
                proposals: proposals.take())
            driver.dial = self
            underWay[index] = driver
            engine.add(driver)
        } catch {
            failures[index] = error
            switch error.code {
            // Without a transport to propose no other place helps.
            case .noTransport: retry.ended(address: index, .lasting, elapsed: elapsed)
            // An interface that has gone, or that the resolver did not tell.
            case .invalidArgument: retry.ended(address: index, .wrongPeer, elapsed: elapsed)
            default: retry.ended(address: index, .passing, elapsed: elapsed)
            }
        }
    }

    /// Should the winner fail, the next attempt begins.
    private func abandonOthers(than winner: HandshakeDriver) {
        self.winner = winner
        for (index, driver) in underWay where driver !== winner {
            underWay[index] = nil
            giveUp(driver) { $0.abandon() }
            retry.ended(address: index, .passing, elapsed: elapsed)
        }
        awaitDeadline()
    }

    private func awaitDeadline() {
        nextDeadline = startedAt + retry.policy.deadline
        engine.watch(self)
    }

    /// One error that says of every place what was wrong there.
    private func error(_ ending: ConnectRetry.Ending) -> HandfastError {
        let single = failures.count == 1 && unresolved.isEmpty ? failures.values.first : nil
        let known = unresolved + failures.sorted { $0.key < $1.key }.map(\.value)
        let reasons = known.map(\.message).joined(separator: "; ")
        switch ending {
        case .refusedForGood, .noAddressLeft:
            return single
                ?? HandfastError(failures.values.first { $0.code != .unreachable }?.code ?? .rejected, reasons)
        case .attemptsUsed:
            let tries = "\(retry.connectCount) connect\(retry.connectCount == 1 ? "" : "s") came to nothing"
            let isRefused = failures.values.contains { $0.code == .rejected }
            guard let single else {
                return HandfastError(isRefused ? .rejected : .unreachable, "\(tries): \(reasons)")
            }
            return HandfastError(single.code, "\(single.message) (\(tries))", systemError: single.systemError)
        case .deadlinePassed: return HandfastError(.timeout, reasons)
        }
    }
}
