import CHandfast
import Glibc
import Testing
import TransportAPI

/// The transports of two endpoints in this process, one and the same where it only joins itself, and all
/// connections between them.
final class TransportPair {
    let near: any Transport
    let far: any Transport
    private let subject: TransportUnderTest
    private(set) var ends: [ChannelEnd] = []

    init(_ subject: TransportUnderTest) throws {
        self.subject = subject
        near = try subject.makeTransport()
        far = subject.reach == .itself ? near : try subject.makeTransport()
    }

    /// One more connection, up and open.
    func connect() throws -> (near: ChannelEnd, far: ChannelEnd) {
        let attempts = try agree()
        let sockets = try SocketPair()
        let seed = UInt64(ends.count)
        return (try openNear(attempts.near, sockets, seed), try openFar(attempts.far, sockets, seed))
    }

    func openNear(_ attempt: any TransportAttempt, _ sockets: SocketPair, _ seed: UInt64) throws -> ChannelEnd {
        keep(try ChannelEnd(opening: attempt, of: near, socket: sockets.near, outgoing: seed, incoming: seed + 1))
    }

    func openFar(_ attempt: any TransportAttempt, _ sockets: SocketPair, _ seed: UInt64) throws -> ChannelEnd {
        keep(try ChannelEnd(opening: attempt, of: far, socket: sockets.far, outgoing: seed + 1, incoming: seed))
    }

    private func keep(_ end: ChannelEnd) -> ChannelEnd {
        ends.append(end)
        return end
    }

    /// Takes an attempt on both sides to where both have accepted.
    func agree() throws -> (near: any TransportAttempt, far: any TransportAttempt) {
        var sides = [
            AttemptSide(try subject.makeAttempt(.starter, of: near, at: .near)),
            AttemptSide(try subject.makeAttempt(.answerer, of: far, at: .far)),
        ]
        let deadline = Deadline(.seconds(10))
        while !sides.allSatisfy(\.hasAccepted) {
            var isIdle = true
            for own in 0..<2 {
                switch try sides[own].advance() {
                case .idle: continue
                case .moved: isIdle = false
                case .send(let step):
                    isIdle = false
                    sides[1 - own].receive(step)
                }
            }
            if isIdle { sleepUntilReadable(sides.map(\.attempt.descriptor), milliseconds: 10) }
            try deadline.check("agreement of both attempts")
        }
        return (sides[0].attempt, sides[1].attempt)
    }

    /// Polls both endpoints once.
    @discardableResult func poll() -> Int {
        var count = near.operations.pointee.poll(near.state)
        if far !== near { count += far.operations.pointee.poll(far.state) }
        for end in ends where end.resumesByItself { end.resume() }
        return Int(count)
    }

    /// Polls until something has happened: a machine that is busy with other tests may take long, but not to do anything.
    func run(_ awaited: String, within limit: Duration = .seconds(60), until isDone: () -> Bool) throws {
        var deadline = Deadline(limit)
        let last = Deadline(limit * 10)
        while !isDone() {
            if poll() == 0 { sched_yield() } else { deadline = Deadline(limit) }
            for end in [deadline, last] {
                try end.check("\(awaited) (\(ends.map(\.sink.violations).joined().joined(separator: "; ")))")
            }
        }
    }

    /// Sends the next bytes, or as many as there is room for; when there is none yet, near polls until there is some.
    func sendFromNear(_ end: ChannelEnd, _ byteCount: Int) throws {
        let deadline = Deadline(.seconds(10))
        while end.send(byteCount) == 0 {
            while !end.maySend {
                if near.operations.pointee.poll(near.state) == 0 { sched_yield() }
                try deadline.check("room for a send")
            }
        }
    }

    /// Closes what is open and looks at what the transport did wrong, if anything.
    func finish() {
        for end in ends { end.sink.clearHooks() }
        for end in ends { end.close() }
        for _ in 0..<10 { poll() }
        for end in ends { #expect(end.sink.violations == []) }
    }
}
