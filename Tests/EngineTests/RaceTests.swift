import LoopbackTransport
import Precon
import SharedMemoryTransport
import TCPTransport
import Testing
import TransportAPI

@testable import Handfast

@Suite struct `The race for a peer with several addresses` {
    private func pair(_ more: [String: String] = [:], log: LogCapture = LogCapture()) throws -> EndpointPair {
        try EndpointPair("tcp", ["HANDFAST_CONNECT_OFFSET_MS": "50"].merging(more) { $1 }, logger: log.logger)
    }

    private func text(_ places: [(String, UInt16)], name: String? = "far") throws -> EndpointAddress {
        try EndpointAddress(
            parsing: places.map { "\($0.0):\($0.1)" }.joined(separator: ",") + (name.map { "@\($0)" } ?? ""))
    }

    private func connect(_ pair: EndpointPair, to address: EndpointAddress) throws -> Connection {
        let connection = try pair.near.connect(to: address)
        pair.run("the connect is over") { connection.state != .connecting }
        return connection
    }

    @Test func `is reached past a port at which nobody listens, at once`() throws {
        let pair = try pair(["HANDFAST_CONNECT_OFFSET_MS": "3000000"])
        let port = try #require(pair.far.address?.port)
        let closed = SilentListener.closedPort()
        let connection = try connect(
            pair, to: try text([("127.0.0.1", closed), ("[::1]", closed), ("127.0.0.1", port)]))
        #expect(connection.state == .connected, "\(connection.error as Any)")
        #expect(connection.peer?.name == "far")
    }

    @Test func `is reached past a listener that says nothing, which is asked first only once`() throws {
        let pair = try pair()
        let port = try #require(pair.far.address?.port)
        let silent = SilentListener(lastByte: 2)
        let address = try text([("127.0.0.2", silent.port), ("127.0.0.1", port)])
        let began = ContinuousClock.now
        let connection = try connect(pair, to: address)
        #expect(connection.state == .connected, "\(connection.error as Any)")
        #expect(began.duration(to: .now) >= .milliseconds(50))
        #expect(silent.count() == 1)
        let again = try connect(pair, to: address)
        #expect(again.state == .connected)
        #expect(silent.count() == 0, "the winner is remembered")
        pair.run("the loser is gone") { pair.near.pending.isEmpty }
    }

    @Test func `is reached past somebody with another name`() throws {
        let pair = try pair()
        let port = try #require(pair.far.address?.port)
        let other = try Endpoint(name: "other", transports: definitions, environment: [:])
        let otherPort = try other.listen(on: IPAddress("127.0.0.1")).port
        let connection = try pair.near.connect(to: try text([("127.0.0.1", otherPort), ("127.0.0.1", port)]))
        pair.run("the connect is over") {
            other.progress()
            return connection.state != .connecting
        }
        #expect(connection.state == .connected, "\(connection.error as Any)")
        #expect(connection.peer?.name == "far")
        #expect(other.accept() == nil)
    }

    @Test func `that is reached nowhere is one error with the reason of each`() throws {
        let pair = try pair(["HANDFAST_HANDSHAKE_TIMEOUT_MS": "300", "HANDFAST_CONNECT_ATTEMPTS": "1"])
        let closed = SilentListener.closedPort()
        let silent = SilentListener(lastByte: 2)
        let connection = try connect(
            pair, to: try text([("127.0.0.1", closed), ("127.0.0.2", silent.port), ("[::1]", closed)]))
        let error = try #require(connection.error)
        #expect(error.code == .unreachable)
        #expect(error.message.hasPrefix("3 connects came to nothing: "), "\(error)")
        #expect(error.message.contains("127.0.0.1:\(closed): Connection refused"), "\(error)")
        #expect(error.message.contains("[::1]:\(closed): Connection refused"), "\(error)")
        #expect(
            error.message.contains(
                "127.0.0.2:\(silent.port): the handshake's deadline (HANDFAST_HANDSHAKE_TIMEOUT_MS) passed while VERSION"
            ),
            "\(error)")
        pair.run("nothing is left") { pair.near.pending.isEmpty }
    }

    @Test(arguments: [1, 2, 3, 4]) func `gives one connection, though it was slow to answer at any`(round: Int) throws {
        let log = LogCapture()
        let pair = try EndpointPair(
            definitions: definitions, near: ["HANDFAST_CONNECT_OFFSET_MS": "1", "HANDFAST_TRANSPORTS": "tcp"],
            far: ["HANDFAST_TRANSPORTS": "tcp"], logger: log.logger)
        let far = try Endpoint(name: "all", transports: definitions, environment: [:], logger: log.logger)
        let port = try far.listen().port
        let address = try text(
            [("127.0.0.1", port), ("127.0.0.2", port), ("[::1]", port), ("127.0.0.3", port)], name: "all")
        let connection = try pair.near.connect(to: address)
        let pause = ContinuousClock.now + .milliseconds(20 * round)
        while ContinuousClock.now < pause { pair.near.progress() }
        var accepted: [Connection] = []
        pair.run("the connect is over") {
            far.progress()
            if let one = far.accept() { accepted.append(one) }
            return connection.state != .connecting && !accepted.isEmpty
        }
        pair.run("all others are gone") {
            far.progress()
            if let one = far.accept() { accepted.append(one) }
            return far.pending.isEmpty && pair.near.pending.isEmpty
        }
        #expect(connection.state == .connected, "\(connection.error as Any)")
        #expect(accepted.count == 1)
        #expect(accepted.first?.state == .connected)
        #expect(!log.lines.contains { $0.contains("handshake failed") }, "\(log.lines)")
    }

    @Test func `may be given up while none has answered`() throws {
        let pair = try pair()
        let silent = [SilentListener(lastByte: 1), SilentListener(lastByte: 2)]
        let connection = try pair.near.connect(
            to: try text([("127.0.0.1", silent[0].port), ("127.0.0.2", silent[1].port)]))
        let pause = ContinuousClock.now + .milliseconds(100)
        while ContinuousClock.now < pause { pair.near.progress() }
        connection.close()
        #expect(connection.state == .closed)
        pair.near.close()
        pair.run("nothing is left") { pair.near.isClosed }
    }

    @Test func `ends with its endpoint`() throws {
        let silent = SilentListener()
        let endpoint = try Endpoint(name: "near", transports: definitions, environment: [:])
        let connection = try endpoint.connect(to: try text([("127.0.0.1", silent.port), ("127.0.0.2", silent.port)]))
        #expect(connection.state == .connecting)
        #expect(endpoint.pending.count == 1)
        endpoint.close()
        #expect(endpoint.wait(timeout: .seconds(10)) { endpoint.isClosed })
    }

    @Test func `says in its handshake where it listens`() throws {
        let far = try Endpoint(name: "all", transports: definitions, environment: [:])
        let port = try far.listen().port
        let told = far.engine.toldAddresses
        #expect(told.allSatisfy { $0.port == port })
        let hosts = far.engine.hostAddresses.told
        #expect(told.map(\.bytes) == (hosts.isEmpty ? [.loopback] : hosts).map(\.bytes))
        #expect(far.addresses?.host == far.address?.host)
        let ofItsLink = told.count { IPAddress(bytes: $0.bytes).map { $0.isIPv6 && $0.isLinkLocal } ?? false }
        #expect(far.addresses?.places.count ?? 0 >= told.count - ofItsLink)
    }

    private func connect(_ far: Endpoint, _ pair: EndpointPair, _ port: UInt16) throws -> Connection {
        let connection = try pair.near.connect(to: try text([("127.0.0.1", port)], name: "all"))
        pair.run("the connect is over") {
            far.progress()
            return connection.state != .connecting
        }
        return connection
    }
}

@Suite struct `Own addresses` {
    private let all = [LoopbackTransport.definition, SharedMemoryTransport.definition, TCPTransport.definition]

    private func connectToSelf(_ endpoint: Endpoint, _ text: String) throws {
        let connection = try endpoint.connect(to: text)
        try endpoint.wait(for: connection, timeout: .seconds(10))
        #expect(connection.transport == "loopback", "\(text): \(connection.decisions)")
        #expect(connection.peer?.name == "self")
        var accepted: Connection?
        #expect(
            endpoint.wait(timeout: .seconds(10)) {
                accepted = accepted ?? endpoint.accept(); return accepted != nil
            })
        #expect(accepted?.transport == "loopback")
        #expect(endpoint.accept() == nil)
        connection.close()
        accepted?.close()
        #expect(endpoint.wait(timeout: .seconds(10)) { endpoint.pending.isEmpty })
    }

    @Test func `lead to oneself in any spelling`() throws {
        let log = LogCapture()
        let endpoint = try Endpoint(name: "self", transports: all, environment: [:], logger: log.logger)
        let port = try endpoint.listen().port
        let own = endpoint.engine.hostAddresses.told.map { $0.isIPv6 ? "[\($0)]" : "\($0)" }
        let spellings = [
            "127.0.0.1", "127.0.0.9", "[::1]", "0.0.0.0", "[::]", "[::ffff:127.0.0.1]", "[::ffff:0.0.0.0]", "localhost",
        ]
        for host in spellings + own {
            try connectToSelf(endpoint, "\(host):\(port)@self")
            try connectToSelf(endpoint, "\(host):\(port)")
        }
        try connectToSelf(endpoint, "127.0.0.1:\(port),[::1]:\(port),localhost:\(port)")
        #expect(log.lines.isEmpty, "\(log.lines)")
    }

    @Test(arguments: [nil, "127.0.0.1"]) func `are found out by who answers`(host: String?) throws {
        let log = LogCapture()
        let endpoint = try Endpoint(name: "self", transports: all, environment: [:], logger: log.logger)
        let port = try endpoint.listen(on: host.flatMap { IPAddress($0) }).port
        let closed = SilentListener.closedPort()
        for name in ["", "@self"] {
            try connectToSelf(endpoint, "127.0.0.1:\(closed),127.0.0.1:\(port)\(name)")
            try connectToSelf(endpoint, "127.0.0.1:\(port),127.0.0.1:\(closed)\(name)")
        }
        #expect(log.lines.isEmpty, "\(log.lines)")
    }

    @Test func `under another's name are an error`() throws {
        let endpoint = try Endpoint(name: "self", transports: all, environment: [:])
        let port = try endpoint.listen().port
        for text in ["127.0.0.1:\(port)@other", "127.0.0.1:\(SilentListener.closedPort()),127.0.0.1:\(port)@other"] {
            let connection = try endpoint.connect(to: text)
            let error = #expect(throws: HandfastError.self) {
                try endpoint.wait(for: connection, timeout: .seconds(10))
            }
            #expect(error?.code == .rejected)
            #expect(
                error?.message.contains("the address says \"other\", the peer is \"self\"") == true, "\(error as Any)")
        }
    }

    @Test func `are chosen by HANDFAST_NETWORK, and nothing is an error`() throws {
        let error = #expect(throws: HandfastError.self) {
            try Endpoint(name: "x", transports: all, environment: ["HANDFAST_NETWORK": "no-such-if,11.12.13.0/24"])
        }
        #expect(error?.code == .invalidArgument)
        #expect(error?.message.contains("lo (127.0.0.1/8") == true, "\(error as Any)")
        let endpoint = try Endpoint(name: "x", transports: all, environment: ["HANDFAST_NETWORK": "lo"])
        #expect(try endpoint.listen().host == IPAddress("127.0.0.1"))
        #expect(endpoint.engine.toldAddresses.first?.bytes == [127, 0, 0, 1])
        #expect(endpoint.engine.toldAddresses.first?.priority == 255)
    }
}

@Suite struct `Names of hosts` {
    @Test func `lead to a peer`() throws {
        let pair = try EndpointPair("tcp")
        let port = try #require(pair.far.address?.port)
        let connection = try pair.near.connect(to: "localhost:\(port)@far")
        #expect(connection.state == .connecting)
        #expect(pair.near.pending.first?.description.contains("the addresses of its host names") == true)
        pair.run("the connect is over") { connection.state != .connecting }
        #expect(connection.state == .connected, "\(connection.error as Any)")
        #expect(connection.peer?.name == "far")
    }

    @Test func `that are unknown are an error with name and place, unless another place works`() throws {
        let pair = try EndpointPair("tcp")
        pair.near.engine.resolver = HostResolver { _ in .failure("Name or service not known") }
        let failed = try pair.near.connect(to: "nowhere.invalid:5000@far")
        pair.run("the connect is over") { failed.state != .connecting }
        #expect(failed.error?.code == .unreachable)
        #expect(
            failed.error?.message == "the host name \"nowhere.invalid\", at byte 1 of \"nowhere.invalid:5000@far\","
                + " cannot be resolved: Name or service not known")
        let port = try #require(pair.far.address?.port)
        let connection = try pair.near.connect(to: "nowhere.invalid:5000,127.0.0.1:\(port)@far")
        pair.run("the connect is over") { connection.state != .connecting }
        #expect(connection.state == .connected, "\(connection.error as Any)")
    }

    @Test func `have a deadline, and their connect may be given up before`() throws {
        let pair = try EndpointPair("tcp", ["HANDFAST_RESOLVE_TIMEOUT_MS": "50"])
        let gate = Gate()
        pair.near.engine.resolver = HostResolver { _ in
            gate.wait()
            return .failure("too late")
        }
        let first = try pair.near.connect(to: "slow.invalid:5000@far")
        let second = try pair.near.connect(to: "slow.invalid:5000@far")
        second.close()
        #expect(second.state == .closed)
        pair.run("the connect is over") { first.state != .connecting }
        #expect(first.error?.message.contains("was not resolved within 0.05 seconds") == true, "\(first.error as Any)")
        gate.open()
    }

    @Test func `that make no sense are an error at once`() throws {
        let endpoint = try Endpoint(name: "near", transports: definitions, environment: [:])
        for text in ["", "a b:1", "node7", "node7:0@x", "node7:1@"] {
            let error = #expect(throws: HandfastError.self) { try endpoint.connect(to: text) }
            #expect(error?.code == .invalidArgument, "\(text)")
        }
    }
}
