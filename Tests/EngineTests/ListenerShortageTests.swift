import Glibc
import Testing

@testable import Handfast

@Suite struct `A listener without a descriptor to spare` {
    /// In a process of its own, because no other test may be left without descriptors.
    @Test func `looks now and then instead of at every wait, says so once, and goes on when there are some again`()
        async
    {
        await #expect(processExitsWith: .success) {
            let log = LogCapture()
            let endpoint = try Endpoint(
                name: "srv", transports: definitions,
                environment: [
                    "HANDFAST_RAISE_DESCRIPTORS": "no", "HANDFAST_TRANSPORTS": "tcp",
                    "HANDFAST_HANDSHAKE_TIMEOUT_MS": "3600000", "HANDFAST_SLOW_HANDSHAKE_MS": "3600000",
                ],
                logger: log.logger)
            let clients = (0..<3).map { _ in socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0) }
            try endpoint.listen(on: .loopback)
            let listener = try #require(endpoint.engine.listener)
            var address = try SocketAddress(.loopback, port: listener.port)
            for client in clients { try #require(address.withPointer { connect(client, $0, $1) } == 0) }
            let usual = Shortage.begin()
            var (rests, eventCount): (Set<ContinuousClock.Instant>, Int) = ([], 0)
            let guardTime = ContinuousClock.now + .seconds(60)
            while rests.count < 3, .now < guardTime {
                eventCount += endpoint.engine.visit()
                if let rest = listener.nextDeadline { rests.insert(rest) }
            }
            #expect(rests.count == 3)
            #expect(eventCount == 3)
            #expect(log.lines.count == 1, "\(log.lines)")
            #expect(log.lines.first?.contains("no peer can be accepted") == true, "\(log.lines)")
            #expect(log.lines.first?.contains("ulimit -n") == true, "\(log.lines)")
            #expect(log.lines.first?.contains("HANDFAST_RAISE_DESCRIPTORS") == true, "\(log.lines)")
            Shortage.end(usual)
            while endpoint.pending.count < 3, .now < guardTime { endpoint.progress() }
            #expect(endpoint.pending.count == 3)
        }
    }
}
