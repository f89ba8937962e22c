import Precon
import Testing
import TransportAPI

@testable import Handfast

@Suite struct `A connection on demand to a peer with several addresses` {
    private static let names = ["alpha", "zeta"]
    private let log = LogCapture()

    private func endpoint(_ name: String, _ more: [String: String] = [:]) throws -> Endpoint {
        let environment = [
            "HANDFAST_TRANSPORTS": "tcp", "HANDFAST_CONNECT_OFFSET_MS": "20",
            "HANDFAST_HANDSHAKE_TIMEOUT_MS": "3600000",
            "HANDFAST_CONNECT_DEADLINE_MS": "3600000",
        ]
        let endpoint = try Endpoint(
            name: name, transports: definitions, environment: environment.merging(more) { $1 }, logger: log.logger)
        try endpoint.listen(on: .loopback)
        return endpoint
    }

    private func run(_ what: Comment, _ endpoints: [Endpoint], until condition: () -> Bool) {
        let guardTime = ContinuousClock.now + .seconds(60)
        while !condition() {
            for endpoint in endpoints { endpoint.progress() }
            guard ContinuousClock.now < guardTime else { return _ = Issue.record("not within a minute: \(what)") }
        }
    }

    private func address(_ places: String..., of name: String) -> String {
        places.joined(separator: ",") + "@\(name)"
    }

    private func place(_ endpoint: Endpoint) throws -> String { "127.0.0.1:\(try #require(endpoint.address).port)" }

    /// Sends a message there and one back.
    private func expectTraffic(_ near: Connection, _ far: Connection, _ endpoints: [Endpoint]) throws {
        for (from, to) in [(near, far), (far, near)] {
            let (payload, room) = (Payload(byteCount: 8, seed: 1), Payload(byteCount: 8))
            let owner = try #require(endpoints.first { $0.engine === to.record?.engine } ?? endpoints.last)
            let receive = try owner.receive(into: room.mutable, from: to)
            let send = try from.send(payload.bytes)
            run("the message has come", endpoints) { send.isComplete && receive.isComplete }
            _ = try send.result()
            _ = try receive.result()
            #expect(room == payload)
        }
    }

    @Test(arguments: names) func `passes over a process that expects somebody else`(name: String) throws {
        let (near, other, far) = (try endpoint(name), try endpoint("other"), try endpoint("mid"))
        let toFar = try near.connect(to: address(try place(other), try place(far), of: "mid"), mode: .onDemand)
        let toNear = try far.connect(to: try #require(near.address), mode: .onDemand)
        try expectTraffic(toFar, toNear, [near, other, far])
    }

    @Test(arguments: names) func `passes over a program that closes what it does not understand`(name: String) throws {
        let (near, far) = (try endpoint(name), try endpoint("mid"))
        let listener = SilentListener(lastByte: 2)
        let toFar = try near.connect(
            to: address("127.0.0.2:\(listener.port)", try place(far), of: "mid"), mode: .onDemand)
        _ = try far.connect(to: try #require(near.address), mode: .onDemand)
        let send = try toFar.send(Payload.lasting(byteCount: 1).bytes)
        run("the message is out", [near, far]) {
            _ = listener.count()
            return send.isComplete
        }
        _ = try send.result()
    }

    @Test(arguments: names) func `is made with the one that answers, though another one took the stream first`(
        name: String
    ) throws {
        let (near, far) = (try endpoint(name), try endpoint("mid"))
        let silent = SilentListener(lastByte: 2)
        let toFar = try near.connect(
            to: address("127.0.0.2:\(silent.port)", try place(far), of: "mid"), mode: .onDemand)
        let toNear = try far.connect(to: try #require(near.address), mode: .onDemand)
        try expectTraffic(toFar, toNear, [near, far])
        #expect(silent.count() == 1)
        #expect(toFar.peer?.name == "mid")
        #expect(log.lines.isEmpty, "\(log.lines)")
    }

    @Test(arguments: names) func `is one, though the peer is slow and sees several streams of it`(name: String) throws {
        let (near, far) = (try endpoint(name), try endpoint("mid"))
        let all = try Endpoint(name: "slow", transports: definitions, environment: [:], logger: log.logger)
        let port = try all.listen().port
        let places = ["127.0.0.1", "127.0.0.2", "127.0.0.3"].map { "\($0):\(port)" }
        let toAll = try near.connect(to: address(places[0], places[1], places[2], of: "slow"), mode: .onDemand)
        let back = try all.connect(to: try #require(near.address), mode: .onDemand)
        let send = try toAll.send(Payload.lasting(byteCount: 1).bytes)
        run("three streams are open", [near, far]) { near.pending.count { $0.waitingFor == "VERSION" } == 3 }
        run("the message is out", [near, all]) { send.isComplete }
        _ = try send.result()
        let receive = try all.receive(into: Payload.lasting(byteCount: 1).mutable, from: back)
        run("it has come", [near, all]) { receive.isComplete && near.pending.isEmpty && all.pending.isEmpty }
        try expectTraffic(toAll, back, [near, all])
        #expect(near.takeEvent() == nil && all.takeEvent() == nil)
        #expect(log.lines.isEmpty, "\(log.lines)")
    }

    @Test(arguments: names) func `is one, though both want it and are slow`(name: String) throws {
        let (near, far) = (try endpoint(name), try endpoint("mid"))
        let (nearPort, farPort) = (try #require(near.address).port, try #require(far.address).port)
        let silent = SilentListener(lastByte: 2)
        let toFar = try near.connect(
            to: address("127.0.0.2:\(silent.port)", "127.0.0.1:\(farPort)", of: "mid"), mode: .onDemand)
        let toNear = try far.connect(
            to: address("127.0.0.2:\(silent.port)", "127.0.0.1:\(nearPort)", of: name), mode: .onDemand)
        _ = try toFar.send(Payload.lasting(byteCount: 1).bytes)
        _ = try toNear.send(Payload.lasting(byteCount: 1).bytes)
        // Each has begun with all of its streams before it hears of the other's.
        for endpoint in [near, far] {
            run("two streams", [endpoint]) { endpoint.pending.count { !$0.isIncoming } == 2 }
        }
        for (endpoint, connection) in [(near, toFar), (far, toNear)] {
            let receive = try endpoint.receive(into: Payload.lasting(byteCount: 1).mutable, from: connection)
            run("the message has come", [near, far]) { receive.isComplete }
            _ = try receive.result()
        }
        try expectTraffic(toFar, toNear, [near, far])
        #expect(near.takeEvent() == nil && far.takeEvent() == nil)
    }

    @Test(arguments: names) func `fails when another process is at each, and says so of each`(name: String) throws {
        let (near, one, two) = (try endpoint(name), try endpoint("one"), try endpoint("two"))
        let connection = try near.connect(to: address(try place(one), try place(two), of: "mid"), mode: .onDemand)
        let send = try connection.send(Payload.lasting(byteCount: 1).bytes)
        run("it has failed", [near, one, two]) { send.isComplete }
        let error = try #require(throws: HandfastError.self) { try send.result() }
        #expect(error.code == .rejected)
        for endpoint in ["one", "two"] {
            #expect(error.message.contains("\(endpoint) expects no connection from \(name)"), "\(error)")
        }
    }
}
