import CHandfast
import Glibc
import Logging
import Precon
import TransportAPI

/// The slow part of an endpoint: everything that happens once per connection. `progress` comes here now and then.
final class Engine {
    /// More would need an address space of their own; reached only by a program that lost count.
    static let connectionLimit = 1 << 20
    static let requestLimit = 1 << 24
    static let completionQueueLimit = 1 << 16
    /// Calls of `progress` between two visits when nothing is expected, and while a handshake or goodbye is.
    static let idleInterval = 1_024
    static let busyInterval = 8
    /// Visits without an event until nothing is expected: who was just connected to may be again.
    static let quietVisitCount = 256

    let name: String
    let settings: Settings
    let selection: TransportSelection
    let logger: Logger
    let state: UnsafeMutablePointer<EndpointState>
    let watches: Watches
    var transports: [LiveTransport]
    let transportNames: [UInt32: String]
    let processID = getpid()
    /// New with every endpoint, so that a peer can tell a restart.
    let incarnation = UInt64.random(in: 1...UInt64.max)

    let refusalLog: RefusalLog
    let slowLog: RefusalLog
    var listener: Listener?
    private(set) var isClosing = false
    /// Nil until a task waits for the first time.
    private(set) var taskWaits: TaskWaits?
    private(set) var drivers: [ObjectIdentifier: HandshakeDriver] = [:] { didSet { noteWhetherBusy() } }
    private(set) var records: [ObjectIdentifier: ConnectionRecord] = [:]
    /// Those whose end is being waited for.
    private var ending: [ObjectIdentifier: ConnectionRecord] = [:] { didSet { noteWhetherBusy() } }
    /// Those that are connected on demand.
    var peers = PeerTable()
    /// Connects that wait for something until a deadline.
    private var waiting: [ObjectIdentifier: any DeadlineHolder] = [:] { didSet { noteWhetherBusy() } }
    /// By the first of a peer's places: where it was found last.
    private var winners: [EndpointAddress.Place: EndpointAddress.Place] = [:]
    private static let winnerLimit = 4_096
    /// Connects of peers that may come by several streams.
    var contests: [Contest: ConnectionRecord] = [:]
    var resolver = HostResolver.shared
    /// What the program does with messages without a receive.
    var defaultHandler: ((Message) -> Void)?
    private var lastStreamID: UInt64 = 0
    var decisionPool = DecisionPool()
    /// For connections that come up from then on.
    var rendezvous: RendezvousThresholds
    /// Connections note how long each step of theirs takes.
    var keepsPhases = false
    var events = EventQueue()
    var allocations = Allocations()
    /// Connected by a peer, not yet taken by the user.
    var incoming: [ConnectionRecord] = []
    /// When the next visit must be, whatever arrives; nil for never. May be too early, never too late.
    private(set) var nextDeadline: ContinuousClock.Instant?
    private var lastConnectionID: UInt64 = 0
    private var knownHostAddresses: HostAddresses
    var hostAddresses: HostAddresses {
        if knownHostAddresses.isOld { knownHostAddresses = HostAddresses(settings.network) }
        return knownHostAddresses
    }

    init(
        name: String, settings: Settings, selection: TransportSelection, definitions: [TransportDefinition],
        logger: Logger
    ) throws(HandfastError) {
        knownHostAddresses = HostAddresses(settings.network)
        try knownHostAddresses.checkSelection(settings.network)
        self.name = name
        self.settings = settings
        rendezvous = settings.rendezvous
        self.selection = selection
        self.logger = logger
        refusalLog = RefusalLog(logger, "handshake failed")
        slowLog = RefusalLog(logger, "handshake is slow")
        watches = try Watches()
        transports = definitions.map { LiveTransport($0, settings.values) }
        transportNames = Dictionary(definitions.map { ($0.number, $0.name) }) { first, _ in first }
        state = .allocate(capacity: 1)
        state.initialize(
            to: EndpointState(
                engine: self, transports: transports.compactMap(\.polled),
                unexpectedByteLimit: settings.unexpectedByteLimit,
                connectionLimit: Self.connectionLimit, requestLimit: Self.requestLimit))
        for case let transport? in transports.map(\.transport) where transport.descriptor >= 0 {
            guard watches.add(transport.descriptor, .transport, readable: true, writable: false) != nil else {
                shutDown()
                throw HandfastError(.resources, "epoll cannot watch the transports of \(name)")
            }
        }
    }

    /// Ends everything at once: peers see their streams end.
    func shutDown() {
        for driver in drivers.values { driver.finish() }
        drivers = [:]
        listener = nil
        for record in records.values {
            record.isClosedByUser = true
            // Its slot is given back here, and not once more below.
            forget(record.slot)
            end(record, HandfastError(.closed, "the endpoint was closed"))
        }
        for record in records.values { free(record) }
        for slot in peers.slots { close(slot) }
        while let request = state.pointee.posted.removeFirst() { request.complete(.cancelled) }
        state.releaseTaken()
        _ = state.callBack()
        dropRequests()
        state.deinitialize(count: 1)
        state.deallocate()
    }

    /// What is left of the requests is of no use to anybody.
    private func dropRequests() {
        // Their addresses first: to give one back is to change the table.
        var left: [UnsafeMutablePointer<RequestSlot>] = []
        state.pointee.requests.forEachUsed { left.append($0) }
        for request in left { request.discard() }
    }

    /// Says goodbye to every peer; nothing new begins.
    func close() {
        isClosing = true
        if let listener {
            listener.unwatch()
            unwatch(listener)
        }
        listener = nil
        for driver in drivers.values where driver.record == nil {
            driver.reject(Rejection(.shuttingDown, "\(name) is shutting down"))
        }
        for record in records.values { close(record) }
        for slot in peers.slots { close(slot) }
    }

    /// Nothing is left of any connection.
    var isClosed: Bool { isClosing && records.isEmpty && drivers.isEmpty }

    // MARK: Visits

    /// Looks at everything that is not a message.
    /// - Parameter milliseconds: sleep so long at most, if nothing is there.
    /// - Returns: how many listeners, handshakes and signs of life had something to say.
    @discardableResult
    func visit(milliseconds: Int32 = 0) -> Int {
        let mayGoOn = settle(isOver: milliseconds != 0)
        state.pointee.quietVisits += 1
        state.pointee.visitEventCount = 0
        watches.wait(milliseconds: mayGoOn ? 0 : milliseconds) { owner, _, _ in
            if case .transport = owner { return }
            state.pointee.quietVisits = 0
            state.pointee.visitEventCount += 1
            switch owner {
            case .transport: break
            case .listener: acceptAll()
            case .handshake(let driver): driver.socketIsReady()
            case .attempt(let driver): driver.attemptIsReady()
            case .lifeline(let record): lifelineIsReady(record)
            case .lookup(let resolution): resolution.finish()
            case .backConnect(let connect): connect.socketIsReady()
            case .waker: taskWaits?.isWoken()
            }
        }
        if state.pointee.isBusy, let next = nextDeadline, next <= .now { checkDeadlines() }
        settleThoseInNeed()
        let isExpecting =
            state.pointee.isBusy || !state.pointee.impatience.isEmpty
            || state.pointee.quietVisits < Self.quietVisitCount
        state.pointee.callsUntilSlowPart = isExpecting ? Self.busyInterval : Self.idleInterval
        return state.pointee.visitEventCount
    }

    /// Does what waits for nothing from outside.
    /// - Parameter isOver: the thread is about to sleep.
    /// - Returns: whether that may be what the caller waits for: then it must not sleep.
    @inline(__always)
    func settle(isOver: Bool) -> Bool {
        var mayGoOn = state.pointee.inNeed != nil
        settleThoseInNeed()
        if state.pointee.hasStalled, state.admitStalled() { mayGoOn = true }
        if !state.pointee.impatience.isEmpty, state.readOverdue(isOver: isOver) > 0 { mayGoOn = true }
        return mayGoOn
    }

    /// Something is due then: a visit must not be later.
    func due(at deadline: ContinuousClock.Instant) {
        nextDeadline = nextDeadline.map { min($0, deadline) } ?? deadline
    }

    private func checkDeadlines() {
        let now = ContinuousClock.now
        for driver in drivers.values {
            if driver.deadline <= now { driver.deadlinePassed() } else { driver.warnIfSlow(now) }
        }
        for record in ending.values { checkEnding(record, now) }
        for holder in waiting.values {
            if let deadline = holder.nextDeadline, deadline <= now { holder.checkDeadlines(now) }
        }
        waiting = waiting.filter { $0.value.nextDeadline != nil }
        // What ended before its deadline left it here; what has one still is found again.
        let closing = ending.values.compactMap { $0.deliveriesAtLifelineEnd == nil ? $0.closeDeadline : now }
        let asked = waiting.values.compactMap(\.nextDeadline)
        let slow = drivers.values.compactMap(\.slowAt)
        nextDeadline = (drivers.values.map(\.deadline) + slow + closing + asked).min()
    }

    private func settleThoseInNeed() {
        while let slot = state.pointee.inNeed {
            state.pointee.inNeed = slot.pointee.nextInNeed
            slot.pointee.nextInNeed = nil
            slot.pointee.needsAttention = false
            attend(to: slot)
        }
    }

    /// Apart, because else a visit that has nothing to settle pays for the checks of access that this needs.
    @inline(never)
    private func attend(to slot: UnsafeMutablePointer<ConnectionSlot>) {
        if let record = slot.record { settle(record) } else if slot.hasWork { demand(slot) }
    }

    // MARK: Books

    /// A visit with nothing to do looks at the raw state alone: these two would cost it exclusivity checks.
    private func noteWhetherBusy() {
        state.pointee.isBusy = !(drivers.isEmpty && ending.isEmpty && waiting.isEmpty)
        // Nobody looks at a deadline that is left over, and a wait would never sleep because of it.
        if !state.pointee.isBusy { nextDeadline = nil }
    }

    /// Handshakes under way that peers began.
    private(set) var answererCount = 0

    func add(_ driver: HandshakeDriver) {
        drivers[ObjectIdentifier(driver)] = driver
        if driver.role == .answerer { answererCount += 1 }
        due(at: min(driver.deadline, driver.slowAt ?? driver.deadline))
        state.pointee.callsUntilSlowPart = 0
        driver.start()
    }

    /// The handshake is over, whatever came of it.
    func over(_ driver: HandshakeDriver) {
        driver.finish()
        guard drivers.removeValue(forKey: ObjectIdentifier(driver)) != nil else { return }
        if driver.role == .answerer { answererCount -= 1 }
    }

    func nextConnectionID() -> UInt64 {
        lastConnectionID += 1
        return lastConnectionID
    }

    /// A fresh slot of this endpoint.
    func takeSlot() throws(HandfastError) -> UnsafeMutablePointer<ConnectionSlot> {
        guard let slot = state.pointee.connections.take() else {
            throw HandfastError(.resources, "\(Self.connectionLimit) connections are open")
        }
        slot.pointee.endpoint = state
        slot.pointee.takesSends = true
        return slot
    }

    /// Keeps a record for its slot.
    func adopt(_ record: ConnectionRecord) {
        record.slot.reserveUserHeader(byteCount: Inbound.reservedUserHeaderByteCount)
        record.slot.pointee.record = Unmanaged.passUnretained(record).toOpaque()
        records[ObjectIdentifier(record)] = record
    }

    /// Makes every handle to the connection stale; messages that nobody received or took are dropped.
    func free(_ record: ConnectionRecord) {
        let slot = record.slot
        while let message = slot.pointee.unexpected.first {
            slot.remove(message)
            message.free(at: state)
        }
        slot.pointee.inbound.userHeader?.deallocate()
        slot.pointee.inbound.userHeader = nil
        slot.pointee.record = nil
        if let association = record.association { unwatch(association) }
        if let contest = record.contest, contests[contest] === record { contests[contest] = nil }
        records[ObjectIdentifier(record)] = nil
        events.forget(record)
        ending[ObjectIdentifier(record)] = nil
        giveBack(slot)
    }

    /// The slot may be another connection's next, so nothing may lead to it any more.
    func giveBack(_ slot: UnsafeMutablePointer<ConnectionSlot>) {
        state.pointee.removeFromThoseInNeed(slot)
        state.pointee.reservedByteCount -= slot.pointee.credit.reserved(exponent: state.pointee.creditExponent)
        state.pointee.connections.give(slot)
        if state.pointee.lacksRoom { giveFreedRoom() }
    }

    /// Others may have what one that is gone had of the bound on messages without a receive.
    private func giveFreedRoom() {
        state.pointee.lacksRoom = false
        for record in records.values where record.slot.pointee.credit.isCounted && record.slot.pointee.credit.isLow {
            record.slot.giveCredit()
        }
    }

    /// Messages that nobody has received, of connections that are over, take more than all may together: each new
    /// connection begins with room of its own, so it must wait.
    var isOverfull: Bool {
        let limit = state.pointee.unexpectedByteLimit
        guard state.pointee.unexpectedByteCount > 2 * limit else { return false }
        let openCount = records.values.count { $0.slot.pointee.channel != nil }
        return state.pointee.unexpectedByteCount > 2 * limit + 2 * openCount << state.pointee.creditExponent
    }

    /// Each handshake, each look-up of names, and each connect that has neither at the moment.
    func pending() -> [PendingConnect] {
        let now = ContinuousClock.now
        let handshakes = drivers.values.compactMap { $0.pending(now) }
        let names = waiting.values.compactMap { $0 as? Resolution }
        let lookups = names.map {
            PendingConnect(
                peer: $0.text.text, waitingFor: "the addresses of its host names",
                elapsed: $0.startedAt.duration(to: now), isIncoming: false)
        }
        let others = records.values.compactMap { $0.betweenSteps(now) }
        return (handshakes + lookups + others).sorted { $0.elapsed > $1.elapsed }
    }

    /// Apart, because else a progress without any pays for the check of access that this needs.
    @inline(never)
    func checkConditions() -> Int { taskWaits?.checkConditions() ?? 0 }

    func madeTaskWaits() throws(HandfastError) -> TaskWaits {
        if let taskWaits { return taskWaits }
        let made = try TaskWaits(self)
        taskWaits = made
        return made
    }

    func nextStreamID() -> StreamID {
        lastStreamID += 1
        return StreamID(lastStreamID)
    }

    func watch(_ holder: any DeadlineHolder) {
        waiting[ObjectIdentifier(holder)] = holder
        if let deadline = holder.nextDeadline { due(at: deadline) }
    }

    func unwatch(_ holder: any DeadlineHolder) { waiting[ObjectIdentifier(holder)] = nil }

    func remember(_ winner: EndpointAddress.Place, of places: [EndpointAddress.Place]) {
        guard places.count > 1 else { return }
        if winners.count >= Self.winnerLimit { winners = [:] }
        winners[places[0]] = winner
    }

    func lastWinner(of places: [EndpointAddress.Place]) -> Int {
        places.first.flatMap { winners[$0] }.flatMap(places.firstIndex) ?? 0
    }

    func watchEnd(of record: ConnectionRecord) {
        ending[ObjectIdentifier(record)] = record
        due(at: record.deliveriesAtLifelineEnd == nil ? record.closeDeadline ?? .now : .now)
        state.pointee.callsUntilSlowPart = 0
    }

    func unwatchEnd(of record: ConnectionRecord) { ending[ObjectIdentifier(record)] = nil }
}
