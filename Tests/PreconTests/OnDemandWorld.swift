import Precon

/// Two processes that may connect to each other on demand, and all streams between them, as one value that a search
/// can copy. Each has an arbiter and a driver as small as can be, or is a pscom process.
struct OnDemandWorld: Hashable {
    /// What an adversary may do, and how often.
    struct Budget: Hashable {
        /// Streams cut and connects refused.
        var faults = 0
        var restarts = 0
        /// Connects of somebody who says that he is a peer, and then no more.
        var claims = 0
        /// Timers that pass although something else could happen.
        var earlyTimers = 0
        /// Users who change their mind.
        var withdrawals = 0
        /// Demands of each process.
        var demands = 1
    }

    enum Message: Hashable {
        /// The first flight of an on-demand connect, up to the proposal.
        case demand(incarnation: UInt64?)
        case answer(incarnation: UInt64?)
        case accepted
        case reject(RejectionCode)
        case backConnect, backAcknowledgement
        /// The stream is over in this direction.
        case end
    }

    /// One process's end of a stream.
    struct StreamEnd: Hashable {
        enum Use: Hashable { case unread, starter, answerer, established, asker }
        var use: Use
        var inbox: [Message] = []
        var isOpen = true
    }

    struct Stream: Hashable {
        let id: UInt64
        var ends: [StreamEnd]
        var isCut = false
        /// One end has gone, and the other cannot know.
        var isSilent = false
        /// One of the two processes has been restarted since.
        var isFormer = false
    }

    enum Dial: Hashable { case dialing(back: Bool), waiting(back: Bool) }

    struct Side: Hashable {
        var mind: Mind
        var incarnation: UInt64 = 1
        var dial: Dial?
        var connectCount = 0
        var backConnectCount = 0
        /// Forward streams opened before anything was disturbed.
        var undisturbedCount = 0
        var demandsLeft: Int
        /// Something is to be sent, and neither a connection nor an error has come.
        var isOwed = false
        var hasFailed = false
        var armed: Set<OnDemandTimer> = []
        var established: UInt64?
        var role: HandshakeRole?
    }

    enum Mind: Hashable {
        case handfast(OnDemandArbiter)
        case pscom(PscomState)
    }

    /// The type of a pscom process's connection.
    enum PscomState: Hashable { case onDemand, connecting, accepting, established, closed }

    enum Move: Hashable {
        case demand(Int), withdraw(Int), deliver(UInt64, Int), dialSucceeds(Int), dialRefused(Int), waited(Int)
        case timer(Int, OnDemandTimer), deadline(UInt64, Int)
        /// The stream breaks, and only the first messages of each inbox still arrive.
        case cut(UInt64, Int, Int)
        case restart(Int, Death)
        /// Somebody comes to this side as the other one.
        case claim(Int, Claim)
    }

    struct Claim: Hashable {
        /// Nil as of a pscom process.
        let incarnation: UInt64?
        /// It ends, or says nothing more until the deadline.
        let hasEnd: Bool
        /// Of no process.
        static let unknownIncarnation: UInt64 = 99
    }

    /// How a process ends.
    enum Death: Hashable {
        /// What it has sent still arrives, and the end of its streams.
        case orderly
        /// Only the end of its streams arrives.
        case reset
        /// With its host: nothing tells the peer.
        case silent
    }

    /// Fixed for one search.
    struct Rules: Hashable {
        /// The answerer is sure only when the starter has seen its acceptance, as in shared memory.
        var isTwoStep = false
        /// Whose forward connects are always refused.
        var blocked: Int?
        /// Connects for one demand; a blocked side has had enough earlier.
        var connectLimit = 12
    }

    let rules: Rules
    var sides: [Side]
    var streams: [Stream] = []
    var budget: Budget
    /// A user's deadline passed early, or a user changed its mind: errors without anybody's fault.
    var hasGivenUpEarly = false
    /// Something happened that a pscom process does not recover from.
    var isDisturbed = false
    /// The first broken rule, if any.
    var broken: String?

    /// - Parameter pscom: which of the two is a pscom process; the first one has the lower name.
    init(rules: Rules, budget: Budget, pscom: Int? = nil) {
        self.rules = rules
        self.budget = budget
        sides = [0, 1].map { index in
            let mind = index == pscom ? Mind.pscom(.onDemand) : .handfast(Self.arbiter(index))
            return Side(mind: mind, demandsLeft: budget.demands)
        }
    }

    private static let names = [PeerName("rank0"), PeerName("rank1")]

    static func arbiter(_ index: Int) -> OnDemandArbiter {
        OnDemandArbiter(local: names[index], peer: names[1 - index])
    }

    // MARK: What can happen

    /// What happens by itself and at once, in any order.
    var promptMoves: [Move] {
        var moves: [Move] = []
        for (index, side) in sides.enumerated() {
            guard case .dialing(let back)? = side.dial else { continue }
            moves.append(!back && rules.blocked == index ? .dialRefused(index) : .dialSucceeds(index))
        }
        for stream in streams {
            for index in 0...1 where !stream.ends[index].inbox.isEmpty { moves.append(.deliver(stream.id, index)) }
        }
        return moves
    }

    /// The wait between two connects is shorter than any deadline.
    var waitMoves: [Move] {
        [0, 1].filter { if case .waiting? = sides[$0].dial { true } else { false } }.map { .waited($0) }
    }

    /// The deadlines of handshakes, and of first bytes.
    var deadlineMoves: [Move] {
        var moves: [Move] = []
        for stream in streams {
            for (index, end) in stream.ends.enumerated() where end.isOpen {
                // A pscom process has no deadlines.
                if case .pscom = sides[index].mind { continue }
                switch end.use {
                case .starter, .answerer, .asker: moves.append(.deadline(stream.id, index))
                case .unread: if end.inbox.isEmpty { moves.append(.deadline(stream.id, index)) }
                case .established: break
                }
            }
        }
        return moves
    }

    /// A peer is awaited longer than a handshake may take.
    var peerConnectMoves: [Move] { timerMoves(.peerConnect) }
    var demandTimerMoves: [Move] { timerMoves(.demand) }

    private func timerMoves(_ timer: OnDemandTimer) -> [Move] {
        [0, 1].filter { sides[$0].armed.contains(timer) }.map { .timer($0, timer) }
    }

    /// What the users and the adversary may do besides.
    var adverseMoves: [Move] {
        var moves: [Move] = []
        for (index, side) in sides.enumerated() {
            if side.demandsLeft > 0, side.established == nil, !isClosed(index) { moves.append(.demand(index)) }
            if budget.withdrawals > 0, side.established == nil { moves.append(.withdraw(index)) }
            if budget.restarts > 0 { moves += [.restart(index, .orderly), .restart(index, .reset)] }
            // A host takes longer to come back than messages take to be read. Only an incarnation, which a pscom peer and
            // BACK_CONNECT do not bring, tells of its death.
            let canTell = !isWithPscom && rules.blocked == nil
            if budget.restarts > 0, canTell, promptMoves.isEmpty { moves.append(.restart(index, .silent)) }
            if budget.faults > 0, case .dialing? = side.dial { moves.append(.dialRefused(index)) }
            guard budget.claims > 0, case .handfast = side.mind else { continue }
            moves += claims(of: 1 - index).map { .claim(index, $0) }
        }
        guard budget.faults > 0 else { return moves }
        for stream in streams where !stream.isCut {
            for first in 0...stream.ends[0].inbox.count {
                for second in 0...stream.ends[1].inbox.count { moves.append(.cut(stream.id, first, second)) }
            }
        }
        return moves
    }

    /// What comes next without users and adversary; nothing when all is at rest.
    var ownMoves: [Move] {
        [promptMoves, waitMoves, deadlineMoves, peerConnectMoves, demandTimerMoves].first { !$0.isEmpty } ?? []
    }

    func earlyMoves(beside usual: [Move]) -> [Move] {
        guard budget.earlyTimers > 0 else { return [] }
        return (waitMoves + deadlineMoves + peerConnectMoves + demandTimerMoves).filter { !usual.contains($0) }
    }

    /// Nobody's, one without incarnation, and a late one of the process that was there before.
    private func claims(of index: Int) -> [Claim] {
        let incarnation = sides[index].incarnation
        let claimed = [Claim.unknownIncarnation, nil] + (incarnation > 1 ? [incarnation - 1] : [])
        return claimed.flatMap { [Claim(incarnation: $0, hasEnd: true), Claim(incarnation: $0, hasEnd: false)] }
    }

    private var isWithPscom: Bool { sides.contains { if case .pscom = $0.mind { true } else { false } } }

    private func isClosed(_ index: Int) -> Bool { sides[index].mind == .pscom(.closed) }

    func after(_ move: Move, isEarly: Bool, isAdverse: Bool) -> OnDemandWorld {
        var next = self
        if isEarly {
            next.budget.earlyTimers -= 1
            next.isDisturbed = true
            if case .timer(_, .demand) = move { next.hasGivenUpEarly = true }
        }
        switch move {
        case .demand(let index):
            next.sides[index].demandsLeft -= 1
            next.sides[index].isOwed = true
            next.demand(at: index)
        case .withdraw(let index):
            next.budget.withdrawals -= 1
            next.hasGivenUpEarly = true
            next.isDisturbed = true
            next.withdraw(at: index)
        case .deliver(let id, let index): next.deliver(id, to: index)
        case .dialSucceeds(let index): next.dialSucceeds(at: index)
        case .dialRefused(let index):
            if isAdverse { next.budget.faults -= 1 }
            if isAdverse { next.isDisturbed = true }
            next.dialRefused(at: index)
        case .waited(let index):
            guard case .waiting(let back)? = sides[index].dial else { break }
            next.sides[index].dial = .dialing(back: back)
        case .timer(let index, let timer):
            next.sides[index].armed.remove(timer)
            next.tell(.timerPassed(timer), at: index)
        case .deadline(let id, let index): next.deadlinePassed(id, at: index)
        case .cut(let id, let first, let second):
            next.budget.faults -= 1
            next.isDisturbed = true
            next.cut(id, [first, second])
        case .restart(let index, let death):
            next.budget.restarts -= 1
            next.isDisturbed = true
            next.restart(index, death)
        case .claim(let index, let claim):
            next.budget.claims -= 1
            next.isDisturbed = true
            next.receive(claim, at: index)
        }
        next.streams.removeAll { !$0.ends[0].isOpen && !$0.ends[1].isOpen }
        next.check()
        next.checkEnds(since: self, move)
        return next
    }

    /// What is established ends with its own stream, or for another that is agreed.
    private mutating func checkEnds(since before: OnDemandWorld, _ move: Move) {
        for index in 0...1 {
            guard let old = before.sides[index].established, sides[index].established == nil else { continue }
            switch move {
            case .deliver(old, index), .restart(index, _): continue
            default: breakRule("the association of side \(index) ends by \(move)")
            }
        }
    }

    /// Never two established associations between one pair; what is left of one with a former process is none. An
    /// answerer that is sure in one step may be sure of a stream that its starter has left, and is told so next; nothing
    /// that it sends arrives.
    private mutating func check() {
        guard let first = sides[0].established, let second = sides[1].established, first != second else { return }
        guard !streams.contains(where: { $0.isFormer && [first, second].contains($0.id) }) else { return }
        let isLeft = !isOpen(first, at: 1) && !isOpen(second, at: 0)
        if rules.isTwoStep || !isLeft { breakRule("two associations, \(first) and \(second)") }
    }

    mutating func breakRule(_ text: String) { broken = broken ?? text }
}
