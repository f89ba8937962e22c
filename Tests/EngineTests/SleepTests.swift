import Glibc
import Handfast
import Synchronization
import Testing

/// An endpoint on a thread of its own that sends back what it gets.
private final class EchoThread: Sendable {
    private let port = Atomic<UInt16>(0)
    private let transport: String
    let messageCount: Int

    init(_ transport: String, messageCount: Int) {
        self.transport = transport
        self.messageCount = messageCount
        var thread = pthread_t()
        pthread_create(
            &thread, nil,
            { context in
                Unmanaged<EchoThread>.fromOpaque(context!).takeRetainedValue().run()
                return nil
            }, Unmanaged.passRetained(self).toOpaque())
        pthread_detach(thread)
    }

    var address: EndpointAddress {
        get throws {
            while port.load(ordering: .acquiring) == 0 { sched_yield() }
            return try EndpointAddress(parsing: "127.0.0.1:\(port.load(ordering: .acquiring))")
        }
    }

    private func run() {
        do {
            let endpoint = try Endpoint(name: "echo", transports: definitions, environment: sleepy(transport))
            port.store(try endpoint.listen(on: IPAddress("127.0.0.1")).port, ordering: .releasing)
            let room = Payload(byteCount: 200_000)
            for _ in 0..<messageCount {
                let completion = try endpoint.wait(for: try endpoint.receive(into: room.mutable), timeout: .seconds(20))
                guard let connection = completion.connection else { return }
                let payload = UnsafeRawBufferPointer(rebasing: room.bytes.prefix(completion.byteCount))
                _ = try endpoint.wait(for: try connection.send(payload), timeout: .seconds(20))
            }
            endpoint.close()
            _ = endpoint.wait(timeout: .seconds(5)) { endpoint.isClosed }
        } catch {}  // The other side fails the test.
    }
}

private func sleepy(_ transport: String) -> [String: String] {
    ["HANDFAST_TRANSPORTS": transport, "HANDFAST_SPIN_US": "0"]
}

@Suite struct `Endpoints that sleep while they wait` {
    @Test(arguments: transports)
    func `wake each other for every message`(transport: String) throws {
        let rounds = 300
        let echo = EchoThread(transport, messageCount: rounds)
        let endpoint = try Endpoint(name: "caller", transports: definitions, environment: sleepy(transport))
        let connection = try endpoint.connect(to: echo.address)
        for round in 0..<rounds {
            let payload = Payload(byteCount: (round * 7919) % 100_000, seed: UInt64(round))
            let room = Payload(byteCount: payload.byteCount)
            let receive = try endpoint.receive(into: room.mutable, from: connection)
            let send = try connection.send(payload.bytes)
            _ = try endpoint.wait(for: receive, timeout: .seconds(20))
            _ = try endpoint.wait(for: send, timeout: .seconds(20))
            #expect(room == payload, "round \(round)")
        }
        connection.close()
        #expect(endpoint.wait(timeout: .seconds(5)) { connection.state == .closed })
    }

    @Test func `wake up for their deadline`() throws {
        let endpoint = try Endpoint(name: "alone", transports: definitions, environment: sleepy("tcp"))
        let room = Payload(byteCount: 1)
        let receive = try endpoint.receive(into: room.mutable)
        let start = ContinuousClock.now
        let error = #expect(throws: HandfastError.self) { try endpoint.wait(for: receive, timeout: .milliseconds(30)) }
        #expect(error?.code == .timeout)
        #expect(ContinuousClock.now - start >= .milliseconds(30))
        #expect(!receive.isComplete)
    }
}
