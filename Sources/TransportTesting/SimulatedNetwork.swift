import Precon
import SeededRandom

/// Endpoints that connect on demand over a network that delays, loses and refuses, in virtual time: the same seed plays
/// the same run. What reaches an endpoint is told to the machines of `Precon`, and their actions are carried out.
package final class SimulatedNetwork {
    static let transports: [UInt32] = [7, 8, 9]
    static let connectTimeout = Duration.seconds(3)
    static let handshakeTimeout = Duration.seconds(3)
    /// After which a stream ends whose other end is silent.
    static let patience = Duration.seconds(5)
    static let retryPolicy = RetryPolicy(
        attempts: 1000, interval: .milliseconds(50), growth: 1.5, maximumInterval: .seconds(1), jitter: 0.5,
        deadline: .seconds(15), raceOffset: .milliseconds(250))

    static func timeout(of timer: OnDemandTimer) -> Duration {
        switch timer {
        case .demand: retryPolicy.deadline
        case .peerConnect: connectTimeout + handshakeTimeout
        }
    }

    package let conditions: NetworkConditions
    private var random: SplitMix64
    private var events = EventQueue()
    private(set) var now = Duration.zero
    private(set) var endpoints: [SimulatedEndpoint] = []
    private var numbers: [WireName: Int] = [:]
    private var streams: [StreamID: SimulatedStream] = [:]
    private var streamCount: UInt64 = 0
    package private(set) var complaint: String?
    package private(set) var eventCount = 0
    package var messageCount = 0
    package private(set) var connectCount = 0
    package var busyCount = 0
    package var mostPending = 0
    package private(set) var lastConnected = Duration.zero

    package init(_ conditions: NetworkConditions, seed: UInt64) {
        self.conditions = conditions
        random = SplitMix64(state: seed)
        while endpoints.count < conditions.endpointCount {
            let name = randomName()
            guard numbers[WireName(name)] == nil else { continue }
            numbers[WireName(name)] = endpoints.count
            endpoints.append(
                SimulatedEndpoint(
                    self, number: endpoints.count, name: name,
                    speaksEarlierDialect: happens(conditions.earlierDialectShare)))
        }
        for endpoint in endpoints { makeWishes(of: endpoint) }
        for _ in 0..<conditions.crashCount { scheduleCrash() }
    }

    /// Plays until nothing is left to happen, or something is wrong.
    package func run() {
        while complaint == nil, let event = events.next() {
            now = event.time
            eventCount += 1
            event.body()
            if now > bound { complain("something still happens") }
        }
        if complaint == nil { checkRest() }
        for stream in openStreams {
            stream.release(0)
            stream.release(1)
        }
    }

    /// From the last fault, or the last wish, to the end of the longest demand, and of one that follows it.
    private var bound: Duration {
        max(conditions.faultsEnd, conditions.wishSpread) + (Self.timeout(of: .demand) + Self.patience) * 4
    }

    func complain(_ text: String) { complaint = complaint ?? "at \(now): \(text)" }

    // MARK: Chance

    func word() -> UInt64 { random.next() }
    func number(_ range: ClosedRange<Int>) -> Int { range.lowerBound + Int(random.next() % UInt64(range.count)) }
    private func happens(_ share: Double) -> Bool { share > 0 && Double(random.next() >> 11) / 0x1p53 < share }
    private func moment(within span: Duration) -> Duration {
        .microseconds(number(0...max(0, Int(span / .microseconds(1)))))
    }
    private var isFaulty: Bool { now < conditions.faultsEnd }
    func delay() -> Duration {
        conditions.delay.lowerBound + moment(within: conditions.delay.upperBound - conditions.delay.lowerBound)
    }
    func transportRefuses() -> Bool { isFaulty && happens(conditions.transportRefusalShare) }

    private func randomName() -> String {
        let letters = Array("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789")
        let count = number(0...3) == 0 ? number(9...24) : number(4...8)
        return String((0..<count).map { _ in letters[number(0...letters.count - 1)] })
    }

    private func makeWishes(of endpoint: SimulatedEndpoint) {
        while endpoint.wishes.count < min(conditions.wishCount, conditions.endpointCount - 1) {
            let peer = number(0...conditions.endpointCount - 1)
            guard peer != endpoint.number, !endpoint.wishes.contains(peer) else { continue }
            endpoint.wishes.append(peer)
            let time = number(0...1) == 0 ? .zero : moment(within: conditions.wishSpread)
            schedule(at: time) { [unowned endpoint] in endpoint.demand(peer) }
        }
    }

    private func scheduleCrash() {
        let endpoint = endpoints[number(0...endpoints.count - 1)]
        let crash = moment(within: conditions.faultsEnd)
        let isSilent = number(0...1) == 0
        let restart = crash + moment(within: conditions.faultsEnd - crash)
        schedule(at: crash) { [unowned endpoint] in endpoint.crash(isSilent: isSilent) }
        schedule(at: restart) { [unowned endpoint] in endpoint.restart() }
    }

    // MARK: The network

    func schedule(at time: Duration, _ body: @escaping () -> Void) { events.schedule(at: time, body) }
    func schedule(in delay: Duration, _ body: @escaping () -> Void) { schedule(at: now + delay, body) }

    var openStreams: [SimulatedStream] { streams.values.sorted { $0.id.rawValue < $1.id.rawValue } }
    func forget(_ stream: SimulatedStream) { streams[stream.id] = nil }

    /// The expected peer that a claim names.
    func number(of claim: PeerClaim) -> Int? { numbers[claim.wireName] }

    /// Where a peer is said to be: where it is, at one of two addresses.
    func places(of peer: Int) -> [SimulatedEndpoint.Place] {
        guard isFaulty, happens(conditions.wrongAddressShare) else { return [.endpoint(peer)] }
        let wrong = number(0...1) == 0 ? .closed : SimulatedEndpoint.Place.endpoint(number(0...endpoints.count - 1))
        return number(0...1) == 0 ? [wrong, .endpoint(peer)] : [.endpoint(peer), wrong]
    }

    /// - Parameter done: is given the stream, which the other side accepts at the same time, or nil.
    func connect(
        from opener: SimulatedEndpoint, to place: SimulatedEndpoint.Place, done: @escaping (SimulatedStream?) -> Void
    ) {
        if isFaulty && happens(conditions.lossShare) { return schedule(in: Self.connectTimeout) { done(nil) } }
        let isRefused = isFaulty && happens(conditions.refusalShare)
        schedule(in: delay()) { [self] in
            guard case .endpoint(let number) = place, !isRefused, opener.isUp, endpoints[number].isUp else {
                return done(nil)
            }
            streamCount += 1
            let stream = SimulatedStream(self, StreamID(streamCount), from: opener.number, to: number)
            streams[stream.id] = stream
            if isFaulty && happens(conditions.breakShare) {
                schedule(in: moment(within: conditions.delay.upperBound * 6)) { [weak stream] in stream?.breakUp() }
            }
            endpoints[number].accept(stream)
            done(stream)
        }
    }

    // MARK: What must hold

    /// Never two established associations between one pair; what is left of one with a former process is none. An
    /// answerer that is sure in one step may be sure of a stream that its starter has left, and is told so next.
    func established(_ association: SimulatedAssociation) {
        guard let own = association.established else { return }
        let peer = endpoints[association.peer].associations[association.endpoint.number]
        guard let other = peer?.established else { return }
        if other.stream === own.stream {
            connectCount += 1
            lastConnected = now
            return compare(own, other, association)
        }
        guard !own.stream.isFormer, !other.stream.isFormer else { return }
        let isOwnLeft = !own.stream.isOpen(at: own.role == .starter ? 1 : 0)
        let isOtherLeft = !other.stream.isOpen(at: other.role == .starter ? 1 : 0)
        if !isOwnLeft || !isOtherLeft { complain("two associations of one pair: \(describe(association))") }
    }

    private func compare(
        _ own: SimulatedAssociation.Established, _ other: SimulatedAssociation.Established,
        _ association: SimulatedAssociation
    ) {
        if own.role == other.role { complain("both are \(own.role): \(describe(association))") }
        if own.transport != other.transport { complain("two transports: \(describe(association))") }
    }

    private func checkRest() {
        for endpoint in endpoints {
            if endpoint.pendingCount != 0 {
                complain("\(endpoint.name.whole) keeps handshakes: \(endpoint.pendingCount)")
            }
            for association in endpoint.associations.values {
                if let remains = association.remains { complain("\(describe(association)) \(remains)") }
                if conditions.faultsEnd == .zero, busyCount == 0 { checkUndisturbed(association) }
                let other = endpoints[association.peer].associations[endpoint.number]?.established
                guard association.established?.stream !== other?.stream else { continue }
                complain("only one is connected, or each by another stream: \(describe(association))")
            }
            for peer in endpoint.wishes where endpoint.associations[peer]?.established == nil {
                complain("\(endpoint.name.whole) and \(endpoints[peer].name.whole) are not connected")
            }
        }
        if mostPending > conditions.pendingHandshakeLimit { complain("\(mostPending) handshakes were held at once") }
        for stream in openStreams {
            for end in 0...1 {
                if case .established = stream.readers[end] { continue }
                complain("stream \(stream.id.rawValue) is neither closed nor established")
            }
        }
    }

    /// Where nothing went wrong the lower one's stream prevails, and nobody connects twice.
    private func checkUndisturbed(_ association: SimulatedAssociation) {
        if association.openCount > 1 { complain("\(describe(association)) connected twice") }
        let isLower = association.endpoint.name < endpoints[association.peer].name
        guard isLower, association.openCount == 1, association.established?.role != .starter else { return }
        complain("the stream of \(describe(association)), the lower one, was given up")
    }

    private func describe(_ association: SimulatedAssociation) -> String {
        "\(association.endpoint.name.whole) to \(endpoints[association.peer].name.whole)"
    }
}
