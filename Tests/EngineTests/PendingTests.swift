import Precon
import Testing
import TransportAPI

@testable import Handfast

@Suite struct `The connects under way` {
    private func endpoint(_ name: String, _ more: [String: String] = [:]) throws -> Endpoint {
        let endpoint = try Endpoint(name: name, transports: definitions, environment: more)
        try endpoint.listen(on: .loopback)
        return endpoint
    }

    @Test(arguments: [ConnectMode.direct, .onDemand])
    func `are told with the address of each stream`(mode: ConnectMode) throws {
        let (one, two) = (FullListener(lastByte: 8), FullListener(lastByte: 9))
        let endpoint = try endpoint("alpha", ["HANDFAST_CONNECT_OFFSET_MS": "1"])
        let connection = try endpoint.connect(to: "127.0.0.8:\(one.port),127.0.0.9:\(two.port)@beta", mode: mode)
        _ = try connection.send(Payload.lasting(byteCount: 1).bytes)
        let expected = ["127.0.0.8:\(one.port) (beta)", "127.0.0.9:\(two.port) (beta)"]
        #expect(
            endpoint.wait(timeout: .seconds(60)) { endpoint.pending.map(\.peer).sorted() == expected },
            "\(endpoint.pending)")
        #expect(endpoint.pending.allSatisfy { $0.waitingFor == "the TCP connection" })
    }

    @Test func `are without a BACK_CONNECT that was acknowledged`() throws {
        let endpoint = try endpoint("alpha")
        let silent = SilentListener()
        _ = try endpoint.connect(to: "127.0.0.1:\(silent.port)@beta", mode: .onDemand)
        let raw = try RawPeer(try #require(endpoint.address))
        raw.send(
            .backConnect(
                ConnectionInfo(
                    origin: .tcp(port: 1), node: 0x7f00_0001, rank: -1, connectionID: 1, name: WireName("beta"))))
        let isAcknowledged = endpoint.wait(timeout: .seconds(60)) {
            raw.poll()
            return raw.messages == [.backAcknowledgement]
        }
        #expect(isAcknowledged)
        #expect(endpoint.pending.map(\.isIncoming) == [false], "\(endpoint.pending)")
    }

    @Test func `name the transport that is waited for`() throws {
        let (endpoint, silent) = (try endpoint("alpha", ["HANDFAST_TRANSPORTS": "tcp"]), SilentListener())
        _ = try endpoint.connect(to: "127.0.0.1:\(silent.port)")
        let greeting = PreconMessage.pscomVersion.frame + PreconMessage.pscomInfo.frame
        let isWaiting = endpoint.wait(timeout: .seconds(60)) {
            silent.greet(greeting)
            return endpoint.pending.first?.waitingFor == "the peer's verdict on transport tcp"
        }
        #expect(isWaiting, "\(endpoint.pending)")
    }
}
