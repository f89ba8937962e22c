import Handfast
import LoopbackTransport
import Precon
import SharedMemoryTransport
import TCPTransport
import Testing
import TransportAPI

@Suite struct `The choice of a transport` {
    private let all = [LoopbackTransport.definition, SharedMemoryTransport.definition, TCPTransport.definition]

    @Test func `is told on both sides with every reason`() throws {
        let pair = try EndpointPair(definitions: all, near: [:], far: ["HANDFAST_TRANSPORTS": "^shm"])
        let (near, far) = try pair.connect()
        #expect(near.transport == "tcp")
        #expect(far.transport == "tcp")
        let texts = near.decisions.map(\.description)
        #expect(texts.contains("shm: refused by the peer, excluded by HANDFAST_TRANSPORTS=^shm"), "\(texts)")
        #expect(texts.contains { $0.hasPrefix("loopback: refused here, ") }, "\(texts)")
        #expect(texts.contains("tcp: chosen"))
        let others = far.decisions.map(\.description)
        #expect(others.contains("shm: left out, excluded by HANDFAST_TRANSPORTS=^shm"), "\(others)")
        #expect(others.contains("tcp: chosen"))
        #expect(others.count == 3, "\(others)")
    }

    @Test func `fails with all reasons when nothing is left`() throws {
        let pair = try EndpointPair(
            definitions: all, near: ["HANDFAST_TRANSPORTS": "shm"], far: ["HANDFAST_TRANSPORTS": "tcp"])
        let address = try #require(pair.far.address)
        let connection = try pair.near.connect(to: address)
        pair.run("it has failed") { connection.state == .closed }
        #expect(connection.error?.code == .noTransport)
        #expect(connection.error?.message.contains("shm: refused by the peer") == true, "\(connection.error as Any)")
        #expect(pair.far.accept() == nil)
    }

    @Test func `is told in the log of who refused, with what was asked for`() throws {
        let log = LogCapture()
        let pair = try EndpointPair(
            definitions: all, near: ["HANDFAST_TRANSPORTS": "tcp"], far: ["HANDFAST_TRANSPORTS": "shm"],
            logger: log.logger)
        let connection = try pair.near.connect(to: try #require(pair.far.address))
        pair.run("it has failed") { connection.state == .closed && !log.lines.isEmpty }
        let wanted = "it asked for tcp and was refused: not named by HANDFAST_TRANSPORTS=shm"
        #expect(log.lines[0].contains(wanted), "\(log.lines)")
    }

    /// As pscom does, which sends no REJECT.
    @Test func `is told in the log of who refused, though the peer leaves without a word`() throws {
        let log = LogCapture()
        let pair = try EndpointPair("tcp", logger: log.logger)
        var peer: RawPeer? = try RawPeer(try #require(pair.far.address))
        peer?.send(.pscomVersion, .pscomInfo, .transportRequest(0x4801))
        pair.run("it is refused") {
            peer?.poll()
            return peer?.messages.contains { if case .transportRefused = $0 { true } else { false } } == true
        }
        peer = nil
        pair.run("there is a line in the log") { !log.lines.isEmpty }
        #expect(
            log.lines[0].contains("it asked for shm and was refused: not named by HANDFAST_TRANSPORTS=tcp"),
            "\(log.lines)")
    }

    @Test func `fails without a word to the peer when nothing is left on this side`() throws {
        let log = LogCapture()
        let far = try Endpoint(name: "far", transports: all, environment: [:], logger: log.logger)
        let address = try far.listen(on: IPAddress("127.0.0.1"))
        let near = try Endpoint(name: "near", transports: [LoopbackTransport.definition], environment: [:])
        let error = #expect(throws: HandfastError.self) { _ = try near.connect(to: address) }
        #expect(error?.code == .noTransport)
        // More than enough for the listener to look at its socket.
        for _ in 0..<10_000 { far.progress() }
        #expect(log.lines.isEmpty, "\(log.lines)")
    }

    @Test func `prefers shared memory on one host`() throws {
        let pair = try EndpointPair(definitions: all, near: [:], far: [:])
        let (near, far) = try pair.connect()
        #expect(near.transport == "shm")
        #expect(far.transport == "shm")
        #expect(far.decisions.map(\.description).contains("tcp: not tried, an earlier one was agreed on"))
    }

    @Test func `follows the rules for single peers`() throws {
        let pair = try EndpointPair(definitions: all, near: ["HANDFAST_SELECT": "far=tcp; *=shm"], far: [:])
        let (near, _) = try pair.connect()
        #expect(near.transport == "tcp")
    }

    @Test func `is loopback to oneself`() throws {
        let endpoint = try Endpoint(name: "self", transports: all, environment: [:])
        let address = try endpoint.listen(on: IPAddress("127.0.0.1"))
        let connection = try endpoint.connect(to: address)
        try endpoint.wait(for: connection, timeout: .seconds(10))
        var accepted: Connection?
        #expect(
            endpoint.wait(timeout: .seconds(10)) {
                accepted = accepted ?? endpoint.accept(); return accepted != nil
            })
        #expect(connection.transport == "loopback")
        for byteCount in [0, 1, 4_096, 3_000_000] {
            let (payload, room) = (Payload(byteCount: byteCount, seed: 8), Payload(byteCount: byteCount))
            let send = try connection.send(payload.bytes)
            let receive = try endpoint.receive(into: room.mutable, from: accepted)
            _ = try endpoint.wait(for: receive, timeout: .seconds(10))
            _ = try endpoint.wait(for: send, timeout: .seconds(10))
            #expect(room == payload)
        }
        connection.close()
        #expect(endpoint.wait(timeout: .seconds(10)) { accepted?.state == .closed })
    }

    @Test func `may be made for one connection alone`() throws {
        let pair = try EndpointPair(definitions: all, near: ["HANDFAST_TRANSPORTS": "shm"], far: [:])
        let selection = try TransportSelection(transports: "tcp", select: nil, known: all.map(\.name))
        let connection = try pair.near.connect(to: try #require(pair.far.address), selection: selection)
        pair.run("it is up") { connection.state == .connected }
        #expect(connection.transport == "tcp")
    }

    @Test func `fails when the peer has another name than the address`() throws {
        let pair = try EndpointPair(definitions: all, near: [:], far: [:])
        let far = try #require(pair.far.address)
        let connection = try pair.near.connect(to: try EndpointAddress(host: far.host, port: far.port, name: "rank7"))
        pair.run("it has failed") { connection.state == .closed }
        #expect(connection.error?.message.contains("\"rank7\"") == true, "\(connection.error as Any)")
        #expect(connection.error?.message.contains("\"far\"") == true)
    }

    @Test func `is not needed where nobody listens`() throws {
        let pair = try EndpointPair(definitions: all, near: [:], far: [:])
        let connection = try pair.near.connect(to: try EndpointAddress(parsing: "127.0.0.1:1"))
        pair.run("it has failed") { connection.state == .closed }
        #expect(connection.error?.code == .unreachable)
        #expect(connection.error?.message.contains("127.0.0.1:1") == true)
    }
}
