import Handfast
import Testing
import TransportAPI

@Suite struct `A connect to several addresses` {
    private let environment = ["HANDFAST_CONNECT_INTERVAL_MS": "1", "HANDFAST_TRANSPORTS": "tcp"]

    private func address(_ places: String, of pair: EndpointPair, name: String? = nil) throws -> EndpointAddress {
        let port = try #require(pair.far.address).port
        let text = places.split(separator: " ").map { $0.contains(":") ? "\($0)" : "\($0):\(port)" }
        return try EndpointAddress(parsing: text.joined(separator: ",") + (name.map { "@\($0)" } ?? ""))
    }

    @Test(arguments: ["127.0.0.1:1 127.0.0.1", "127.0.0.1 127.0.0.1:1", "127.0.0.3:9 127.0.0.2:9 127.0.0.1"])
    func `finds the one where the peer is`(places: String) throws {
        let pair = try EndpointPair(definitions: definitions, near: environment, far: environment)
        let connection = try pair.near.connect(to: try address(places, of: pair))
        pair.run("it is up") { connection.state != .connecting }
        #expect(connection.state == .connected, "\(connection.error as Any)")
    }

    @Test func `tells how long each step took`() throws {
        let pair = try EndpointPair(definitions: definitions, near: environment, far: environment)
        let silent = try pair.connect().near
        #expect(silent.phases.isEmpty)
        pair.near.keepsPhases = true
        let phases = try pair.connect().near.phases
        let place = "127.0.0.1:\(try #require(pair.far.address).port)"
        #expect(phases.map(\.name) == ["TCP connect to \(place)", "handshake with \(place)", "tcp"])
        #expect(phases.allSatisfy { $0.duration ?? .zero > .zero })
        #expect(phases.map(\.start) == phases.map(\.start).sorted())
    }

    @Test func `passes over another process that is at one of them`() throws {
        let pair = try EndpointPair(definitions: definitions, near: environment, far: environment)
        let other = try Endpoint(name: "other", transports: definitions, environment: environment)
        let otherPort = try other.listen(on: IPAddress("127.0.0.1")).port
        let connection = try pair.near.connect(
            to: try address("127.0.0.1:\(otherPort) 127.0.0.1", of: pair, name: "far"))
        pair.run("it is up") {
            other.progress()
            return connection.state != .connecting
        }
        #expect(connection.state == .connected, "\(connection.error as Any)")
        #expect(connection.peer?.name == "far")
    }

    @Test func `tries each as often as the setting says, and tells of all`() throws {
        let more = environment.merging(["HANDFAST_CONNECT_ATTEMPTS": "5"]) { $1 }
        let pair = try EndpointPair(definitions: definitions, near: more, far: environment)
        let connection = try pair.near.connect(to: try address("127.0.0.1:1 127.0.0.2:1", of: pair))
        pair.run("it has failed") { connection.state == .closed }
        let message = connection.error?.message ?? ""
        #expect(connection.error?.code == .unreachable)
        #expect(message.hasPrefix("10 connects came to nothing"), "\(message)")
        #expect(message.contains("127.0.0.1:1: Connection refused") && message.contains("127.0.0.2:1: "), "\(message)")
    }

    @Test func `waits for a peer that is a little late`() throws {
        let late = try Endpoint(name: "late", transports: definitions, environment: environment)
        let pair = try EndpointPair(
            definitions: definitions, near: environment.merging(["HANDFAST_CONNECT_INTERVAL_MS": "20"]) { $1 },
            far: environment)
        let port = try #require(pair.far.address).port &+ 1
        let connection = try pair.near.connect(to: try EndpointAddress(parsing: "127.0.0.1:\(port)"))
        let start = ContinuousClock.now
        var isListening = false
        pair.run("it is up") {
            if !isListening, ContinuousClock.now - start > .milliseconds(30) {
                isListening = true
                _ = try? late.listen(on: IPAddress("127.0.0.1"), port: port)
            }
            late.progress()
            return connection.state != .connecting
        }
        #expect(connection.state == .connected || late.address == nil, "\(connection.error as Any)")
    }

    @Test func `passes over a place that drops what is sent to it`() throws {
        let pair = try EndpointPair("tcp", ["HANDFAST_CONNECT_OFFSET_MS": "20"])
        let (full, port) = (FullListener(lastByte: 9), try #require(pair.far.address).port)
        let connection = try pair.near.connect(
            to: try EndpointAddress(parsing: "127.0.0.9:\(full.port),127.0.0.1:\(port)@far"))
        pair.run("the connect is over") { connection.state != .connecting }
        #expect(connection.state == .connected, "\(connection.error as Any)")
    }

    @Test func `says at its deadline which place has not answered to the first packet`() throws {
        let full = FullListener(lastByte: 9)
        let near = try Endpoint(
            name: "near", transports: definitions,
            environment: ["HANDFAST_CONNECT_DEADLINE_MS": "200", "HANDFAST_CONNECT_TIMEOUT_MS": "80"])
        let connection = try near.connect(to: try EndpointAddress(parsing: "127.0.0.9:\(full.port)"))
        #expect(near.pending.first?.waitingFor == "the TCP connection")
        let error = #expect(throws: HandfastError.self) { try near.wait(for: connection, timeout: .seconds(10)) }
        #expect(error?.code == .timeout, "\(error as Any)")
        #expect(error?.message.contains("127.0.0.9:\(full.port)") == true, "\(error as Any)")
        #expect(
            error?.message.contains("no TCP connection within 0.08 seconds (HANDFAST_CONNECT_TIMEOUT_MS)") == true,
            "\(error as Any)")
    }

    @Test func `ends at its deadline when nobody answers`() throws {
        // A listener that accepts in the kernel and never says a word: it is not driven.
        let silent = try Endpoint(name: "silent", transports: definitions, environment: [:])
        let port = try silent.listen(on: IPAddress("127.0.0.1")).port
        let near = try Endpoint(
            name: "near", transports: definitions,
            environment: ["HANDFAST_CONNECT_DEADLINE_MS": "100", "HANDFAST_TRANSPORTS": "tcp"])
        let connection = try near.connect(to: try EndpointAddress(parsing: "127.0.0.1:\(port)"))
        let error = #expect(throws: HandfastError.self) { try near.wait(for: connection, timeout: .seconds(10)) }
        #expect(error?.code == .timeout, "\(error as Any)")
        #expect(error?.message.contains("127.0.0.1:\(port)") == true, "\(error as Any)")
    }
}
