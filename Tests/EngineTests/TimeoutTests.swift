import Handfast
import Testing

/// One thing that can be waited for, and that does not come.
enum Waiting: CaseIterable {
    case request, any, some, all, queue, probe, message, condition

    func wait(_ endpoint: Endpoint, _ timeout: Duration) throws {
        let room = Payload(byteCount: 8)
        let receive = try endpoint.receive(into: room.mutable, tag: 1)
        defer { receive.cancel() }
        switch self {
        case .request: _ = try endpoint.wait(for: receive, timeout: timeout)
        case .any: _ = try endpoint.wait(forAny: [receive], timeout: timeout)
        case .some: _ = try endpoint.wait(forSome: [receive], timeout: timeout)
        case .all: _ = try endpoint.wait(forAll: [receive], timeout: timeout)
        case .queue: #expect(try !endpoint.wait(for: try endpoint.makeCompletionQueue(), timeout: timeout))
        case .probe: #expect(try endpoint.probe(tag: 2, timeout: timeout) == nil)
        case .message: #expect(try endpoint.takeMessage(tag: 2, timeout: timeout) == nil)
        case .condition: #expect(!endpoint.wait(timeout: timeout) { false })
        }
    }
}

@Suite struct `A wait for what does not come` {
    /// The limit has room for a busy machine, and none for ten times the timeout.
    @Test(arguments: Waiting.allCases, ["0", "1000000"])
    func `ends when its time is over, asleep or spinning`(waiting: Waiting, spin: String) throws {
        let pair = try EndpointPair("shm", ["HANDFAST_SPIN_US": spin])
        _ = try pair.connect()
        let timeout = Duration.seconds(1)
        let start = ContinuousClock.now
        do { try waiting.wait(pair.far, timeout) } catch let error as HandfastError { #expect(error.code == .timeout) }
        let elapsed = ContinuousClock.now - start
        #expect(elapsed >= timeout && elapsed < .seconds(6), "\(elapsed)")
    }
}
