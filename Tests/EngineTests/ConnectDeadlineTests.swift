import Precon
import Testing
import TransportAPI

@testable import Handfast

/// The handshake's own deadlines are an hour away: what ends within a minute has been ended by the connect's.
@Suite struct `The deadline of a connect` {
    private let environment = [
        "HANDFAST_CONNECT_DEADLINE_MS": "300", "HANDFAST_HANDSHAKE_TIMEOUT_MS": "3600000",
        "HANDFAST_CONNECT_TIMEOUT_MS": "3600000", "HANDFAST_RESOLVE_TIMEOUT_MS": "3600000",
        "HANDFAST_TRANSPORTS": "tcp",
    ]

    private func endpoint(_ name: String) throws -> Endpoint {
        let endpoint = try Endpoint(name: name, transports: definitions, environment: environment)
        try endpoint.listen(on: .loopback)
        return endpoint
    }

    /// Connects to a peer called mid, and fails.
    private func error(
        _ endpoint: Endpoint, _ text: String, _ mode: ConnectMode, drive: () -> Void = {}
    ) throws -> HandfastError {
        let connection = try endpoint.connect(to: "\(text)@mid", mode: mode)
        let send = try connection.send(Payload.lasting(byteCount: 1).bytes)
        let guardTime = ContinuousClock.now + .seconds(60)
        while !send.isComplete, ContinuousClock.now < guardTime {
            drive()
            endpoint.progress()
        }
        try #require(send.isComplete, "it went on for a minute")
        let error = try #require(throws: HandfastError.self) { try send.result() }
        #expect(error.code == .timeout)
        #expect(
            error.message.contains("no connection within 0.3 seconds (HANDFAST_CONNECT_DEADLINE_MS)"), "\(error)")
        #expect(endpoint.pending.isEmpty)
        return error
    }

    static let modes: [(ConnectMode, String)] = [(.direct, "alpha"), (.onDemand, "alpha"), (.onDemand, "zeta")]

    @Test(arguments: modes) func `ends it at a listener that says nothing`(mode: ConnectMode, name: String) throws {
        let silent = SilentListener()
        let error = try error(try endpoint(name), "127.0.0.1:\(silent.port)", mode)
        #expect(error.message.contains("127.0.0.1:\(silent.port): VERSION was awaited"), "\(error)")
    }

    @Test(arguments: modes) func `ends it at a peer that says who it is and stalls`(mode: ConnectMode, name: String)
        throws
    {
        let listener = SilentListener()
        let info = ConnectionInfo(
            origin: .tcp(port: 1), node: 0x7f00_0001, rank: -1, connectionID: 1, name: WireName("mid"))
        let greeting = PreconMessage.pscomVersion.frame + PreconMessage.connectionInfo(info).frame
        let error = try error(try endpoint(name), "127.0.0.1:\(listener.port)", mode) { listener.greet(greeting) }
        #expect(error.message.contains("127.0.0.1:\(listener.port): the peer's verdict"), "\(error)")
    }

    @Test(arguments: modes) func `alone ends it at a peer that is busy`(mode: ConnectMode, name: String) throws {
        let listener = SilentListener()
        let more = ["HANDFAST_CONNECT_ATTEMPTS": "1", "HANDFAST_CONNECT_INTERVAL_MS": "1"]
        let endpoint = try Endpoint(
            name: name, transports: definitions, environment: environment.merging(more) { $1 })
        try endpoint.listen(on: .loopback)
        let refusal = PreconMessage.reject(Rejection(.busy, "mid is full")).frame
        let error = try error(endpoint, "127.0.0.1:\(listener.port)", mode) { listener.greet(refusal) }
        #expect(error.message.contains("mid is full"), "\(error)")
    }

    @Test(arguments: modes) func `ends it while no TCP connection stands`(mode: ConnectMode, name: String) throws {
        let (one, two) = (FullListener(lastByte: 8), FullListener(lastByte: 9))
        let error = try error(try endpoint(name), "127.0.0.8:\(one.port),127.0.0.9:\(two.port)", mode)
        #expect(error.message.contains("127.0.0.8:\(one.port): the TCP connection was being made"), "\(error)")
        #expect(error.message.contains("127.0.0.9:\(two.port): "), "\(error)")
    }

    @Test(arguments: modes) func `counts the time in which host names are resolved`(mode: ConnectMode, name: String)
        throws
    {
        let gate = Gate()
        let endpoint = try endpoint(name)
        endpoint.engine.resolver = HostResolver { _ in
            gate.wait()
            return .failure("too late")
        }
        let error = try error(endpoint, "slow.invalid:5000", mode)
        #expect(error.message.contains("slow.invalid"), "\(error)")
        gate.open()
    }
}
