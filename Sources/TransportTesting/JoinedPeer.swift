import CHandfast
import Glibc
import Testing
import TransportAPI

/// A connection to another process, and the way in which this side's engine drives it.
final class JoinedPeer {
    let process: PeerProcess
    let end: ChannelEnd
    private let transport: any Transport

    init(
        _ process: PeerProcess, _ subject: TransportUnderTest, _ transport: any Transport, _ role: AttemptRole
    ) throws {
        self.process = process
        self.transport = transport
        let attempt = try subject.makeAttempt(role, of: transport, at: .near)
        try process.control.agree(attempt)
        end = try ChannelEnd(
            opening: attempt, of: transport, socket: process.stream, outgoing: PeerTask.parentSeed,
            incoming: PeerTask.peerSeed)
    }

    /// Polls once; no call may block.
    @discardableResult func poll() -> Int {
        let start = ContinuousClock.now
        let count = transport.operations.pointee.poll(transport.state)
        #expect(ContinuousClock.now - start < .seconds(5), "poll blocks")
        if end.resumesByItself { end.resume() }
        return Int(count)
    }

    func run(_ awaited: String, until isDone: () -> Bool) throws {
        let deadline = Deadline(.seconds(60))
        while !isDone() {
            if poll() == 0 { sched_yield() }
            try deadline.check("\(awaited) (\(end.sink.violations.joined(separator: "; ")))")
        }
    }

    /// Sleeps until the transport has something, unless it has already.
    func sleep() throws {
        guard transport.descriptor >= 0, transport.operations.pointee.arm(transport.state) == 0 else { return }
        guard sleepUntilReadable([transport.descriptor], milliseconds: 10_000) else {
            throw BrokenRule("the sleeper is not woken")
        }
    }

    /// After something has ended: neither poll nor descriptor may go on reporting it.
    func expectQuiet() throws {
        var quietPolls = 0
        try run("quiet") {
            quietPolls = poll() == 0 ? quietPolls + 1 : 0
            return quietPolls >= 200 && transport.operations.pointee.arm(transport.state) == 0
                && !(transport.descriptor >= 0 && sleepUntilReadable([transport.descriptor], milliseconds: 20))
        }
    }

    /// The peer was killed: whoever has the stream learns of it, and then the engine closes.
    func expectLoss() throws {
        try run("the end of the connection") {
            !end.sink.ends.isEmpty || (end.keptSocket >= 0 && hasStreamEnded(end.keptSocket))
        }
        for _ in 0..<10 { end.send(10_000) }
        try expectQuiet()
        end.close()
        try expectQuiet()
        #expect(end.sink.violations == [])
    }
}
