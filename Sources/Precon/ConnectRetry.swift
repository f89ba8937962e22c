/// Which address of a peer is tried next, and when: for one connect, or for one demand. No I/O and no clock: `elapsed`
/// is the time since the connect began.
///
/// The list is tried whole before the wait, in order from the address that worked last, wrapping.
public struct ConnectRetry: Hashable, Sendable {
    public enum Step: Hashable, Sendable {
        /// Try the address with this index, and ask again.
        case connect(address: Int)
        /// Nothing is to be done before this time, unless an outcome is told earlier.
        case wait(until: Duration)
        /// It is over; what is still under way is to be closed.
        case giveUp(Ending)
    }

    public enum Ending: Hashable, Sendable {
        /// Every address was tried as often as the policy allows.
        case attemptsUsed
        case deadlinePassed
        /// A reason that another attempt would meet again.
        case refusedForGood
        /// The list is empty, or another process than the peer is at each address.
        case noAddressLeft
    }

    /// How an attempt at one address ended.
    public enum Outcome: Hashable, Sendable {
        /// Refusal, reset, timeout: it may go better next time.
        case passing
        /// The peer is there and has no room at the moment: only the deadline ends that.
        case busy
        /// Another process than the peer is there.
        case wrongPeer
        /// No address will do.
        case lasting

        public init(_ failure: HandshakeFailure) {
            self =
                switch failure {
                case .rejectedByPeer(let rejection) where rejection.code == .busy: .busy
                default: failure.isLasting ? .lasting : .passing
                }
        }
    }

    private enum State: Hashable, Sendable {
        /// So many addresses of the list have had their turn.
        case trying(visited: Int)
        case resting(until: Duration)
        case over(Ending)
    }

    public let policy: RetryPolicy
    public let addressCount: Int
    private let firstAddress: Int
    private var state = State.trying(visited: 0)
    private var useless: Set<Int> = []
    private var underWay: Set<Int> = []
    private var lastStart = Duration.zero
    private var lastEnd = Duration.zero
    /// A peer without room must not be asked without a pause.
    private static let leastWaitWhenBusy = Duration.milliseconds(10)
    /// In the round that is under way, a peer had no room.
    private var isBusy = false
    /// Those rounds, which do not count as attempts.
    private var busyRoundCount = 0
    /// The round that is under way or was last, from 1.
    public private(set) var attempt = 1
    /// Connects begun, at all addresses together.
    public private(set) var connectCount = 0

    /// - Parameter firstAddress: the index of the address that worked last.
    public init(policy: RetryPolicy, addressCount: Int, startingAt firstAddress: Int = 0) {
        precondition(addressCount >= 0 && (addressCount == 0 || firstAddress >= 0 && firstAddress < addressCount))
        self.policy = policy
        self.addressCount = addressCount
        self.firstAddress = firstAddress
    }

    /// An address of the list waits for its turn.
    public var hasMore: Bool {
        guard case .trying(let visited) = state else { return false }
        return (visited..<addressCount).contains { !useless.contains(address(at: $0)) }
    }

    /// - Parameter random: for the wait, if one begins.
    public mutating func next(elapsed: Duration, random: UInt64) -> Step {
        if case .over(let ending) = state { return .giveUp(ending) }
        guard elapsed < policy.deadline else { return end(.deadlinePassed) }
        switch state {
        case .trying(let visited): return proceed(after: visited, elapsed, random)
        case .resting(let until):
            guard elapsed >= until else { return .wait(until: until) }
            attempt += 1
            return proceed(after: 0, elapsed, random)
        case .over(let ending): return .giveUp(ending)
        }
    }

    /// Tells how an attempt ended that did not lead to a connection.
    public mutating func ended(address: Int, _ outcome: Outcome, elapsed: Duration) {
        guard underWay.remove(address) != nil else { return }
        lastEnd = elapsed
        switch outcome {
        case .passing: break
        case .busy: isBusy = true
        case .wrongPeer: useless.insert(address)
        case .lasting:
            if case .over = state { return }
            state = .over(.refusedForGood)
        }
    }

    /// What is under way is closed without an outcome; it counts as tried.
    public mutating func cancelled(elapsed: Duration) {
        underWay = []
        lastEnd = elapsed
    }

    private mutating func proceed(after visited: Int, _ elapsed: Duration, _ random: UInt64) -> Step {
        guard let turn = (visited..<addressCount).first(where: { !useless.contains(address(at: $0)) }) else {
            return rest(elapsed, random)
        }
        if !underWay.isEmpty {
            guard let offset = policy.raceOffset else { return pause(visited, until: policy.deadline) }
            guard elapsed >= lastStart + offset else { return pause(visited, until: lastStart + offset) }
        }
        state = .trying(visited: turn + 1)
        underWay.insert(address(at: turn))
        lastStart = elapsed
        connectCount += 1
        return .connect(address: address(at: turn))
    }

    /// All addresses have had their turn.
    private mutating func rest(_ elapsed: Duration, _ random: UInt64) -> Step {
        guard underWay.isEmpty else { return pause(addressCount, until: policy.deadline) }
        guard useless.count < addressCount else { return end(.noAddressLeft) }
        if isBusy { busyRoundCount += 1 }
        guard attempt - busyRoundCount < policy.attempts else { return end(.attemptsUsed) }
        let wait = max(policy.wait(before: attempt + 1, random: random), isBusy ? Self.leastWaitWhenBusy : .zero)
        let until = min(lastEnd + wait, policy.deadline)
        isBusy = false
        state = .resting(until: until)
        return next(elapsed: elapsed, random: random)
    }

    private mutating func pause(_ visited: Int, until: Duration) -> Step {
        state = .trying(visited: visited)
        return .wait(until: min(until, policy.deadline))
    }

    private mutating func end(_ ending: Ending) -> Step {
        state = .over(ending)
        return .giveUp(ending)
    }

    private func address(at turn: Int) -> Int { (firstAddress + turn) % addressCount }
}
