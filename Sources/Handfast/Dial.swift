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
    let startedAt = ContinuousClock.now
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
    private var isProceeding = false
    private(set) var nextDeadline: ContinuousClock.Instant?

    init(
        _ places: [EndpointAddress.Place], startingAt first: Int, for record: ConnectionRecord,
        selection: TransportSelection?, onDemand: Bool, unresolved: [HandfastError] = []
    ) {
        engine = record.engine
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
    var waitingFor: String { underWay.values.first?.waitingFor ?? "the next attempt" }

    /// Does what is due.
    func proceed() {
        // An attempt may end while it is being made: the loop goes on by itself.
        guard !isProceeding else { return }
        isProceeding = true
        defer { isProceeding = false }
        nextDeadline = nil
        while true {
            switch retry.next(elapsed: elapsed, random: .random(in: 0...UInt64.max)) {
            case .connect(let index): begin(index)
            case .wait(let until):
                nextDeadline = startedAt + until
                return engine.watch(self)
            case .giveUp(let ending):
                cancel()
                let error = error(ending)
                if isOnDemand { record.association?.gaveUp(self, error) } else { engine.end(record, error) }
                return
            }
        }
    }

    func checkDeadlines(_ now: ContinuousClock.Instant) { proceed() }

    /// A TCP connection stands.
    func opened(_ driver: HandshakeDriver) {
        guard isOnDemand else { return }
        // The association decides what becomes of it; until it says that it failed, no other is wanted.
        abandonOthers(than: driver)
        record.association?.opened(driver)
    }

    /// The peer has said who it is, and it is the right one.
    func identified(_ driver: HandshakeDriver) {
        guard !isOnDemand else { return }
        abandonOthers(than: driver)
        remember(driver)
    }

    /// The next connect to the same peer begins where this stream leads.
    func remember(_ driver: HandshakeDriver) {
        guard let index = index(of: driver) else { return }
        engine.remember(places[index], of: places)
    }

    /// A stream came to nothing. An association asks for the next one itself.
    func failed(_ driver: HandshakeDriver, _ error: HandfastError, _ outcome: ConnectRetry.Outcome) {
        guard let index = index(of: driver) else { return }
        underWay[index] = nil
        failures[index] = error
        retry.ended(address: index, outcome, elapsed: elapsed)
        if !isOnDemand || !driver.wasOpened { proceed() }
    }

    /// Closes what is under way, without noise.
    func cancel() {
        for driver in underWay.values { driver.abandon() }
        underWay = [:]
        retry.cancelled(elapsed: elapsed)
        nextDeadline = nil
        engine.unwatch(self)
    }

    /// The peer turned out to be this endpoint: the connection goes on without a stream of this connect.
    func goLoopback() {
        for driver in underWay.values { driver.record = nil }
        cancel()
        do throws(HandfastError) {
            try engine.connectToSelf(record, selection)
        } catch { engine.end(record, error) }
    }

    /// Ends it for a reason that the peer is told.
    func reject(_ rejection: Rejection) {
        for driver in underWay.values { driver.reject(rejection) }
        underWay = [:]
        cancel()
    }

    private var elapsed: Duration { startedAt.duration(to: .now) }

    private func index(of driver: HandshakeDriver) -> Int? { underWay.first { $0.value === driver }?.key }

    private func begin(_ index: Int) {
        // The peer may still hold a stream of the last round.
        if round != retry.attempt { (round, connectionID) = (retry.attempt, engine.nextConnectionID()) }
        do throws(HandfastError) {
            let driver = try engine.makeDialer(
                to: places[index], record, selection: selection, onDemand: isOnDemand,
                connectionID: isOnDemand ? nil : connectionID, severalStreams: !isOnDemand && places.count > 1,
                proposals: proposals.take())
            driver.dial = self
            underWay[index] = driver
            engine.add(driver)
        } catch {
            failures[index] = error
            // Without a transport to propose no other place helps.
            retry.ended(address: index, error.code == .noTransport ? .lasting : .passing, elapsed: elapsed)
        }
    }

    /// From here on the winner's own deadline holds; should it fail, the next attempt begins.
    private func abandonOthers(than winner: HandshakeDriver) {
        nextDeadline = nil
        engine.unwatch(self)
        for (index, driver) in underWay where driver !== winner {
            underWay[index] = nil
            driver.abandon()
            retry.ended(address: index, .passing, elapsed: elapsed)
        }
    }

    /// One error that says of every place what was wrong there.
    private func error(_ ending: ConnectRetry.Ending) -> HandfastError {
        let single = failures.count == 1 && unresolved.isEmpty ? failures.values.first : nil
        let known = unresolved + failures.sorted { $0.key < $1.key }.map(\.value)
        let reasons = known.map(\.message).joined(separator: "; ")
        switch ending {
        case .refusedForGood:
            return single
                ?? HandfastError(failures.values.first { $0.code != .unreachable }?.code ?? .rejected, reasons)
        case .noAddressLeft, .attemptsUsed:
            let tries = "\(retry.connectCount) connect\(retry.connectCount == 1 ? "" : "s") came to nothing"
            guard let single else { return HandfastError(.unreachable, "\(tries): \(reasons)") }
            return HandfastError(single.code, "\(single.message) (\(tries))", systemError: single.systemError)
        case .deadlinePassed:
            let waited =
                reasons.isEmpty ? "nobody answered at \(places.map(\.description).joined(separator: ", "))" : reasons
            return HandfastError(.timeout, "no connection within \(retry.policy.deadline): \(waited)")
        }
    }
}
