import Precon
import Synchronization
import Testing

@testable import Handfast

/// How often the resolver's thread was asked.
private final class NameCounter: Sendable {
    private let value = Atomic(0)
    var count: Int { value.load(ordering: .relaxed) }
    func add() { value.add(1, ordering: .relaxed) }
}

@Suite struct `A connection on demand` {
    /// Two endpoints that name each other; nothing is connected.
    private final class Pair {
        let low: EndpointPair
        var near: Connection
        var far: Connection

        init(_ transport: String = "tcp", near nearName: String = "alpha", far farName: String = "beta") throws {
            let environment = ["HANDFAST_TRANSPORTS": transport, "HANDFAST_HANDSHAKE_TIMEOUT_MS": "1000"]
            low = try EndpointPair(
                definitions: definitions, near: environment, far: environment, names: (nearName, farName))
            try low.near.listen(on: IPAddress("127.0.0.1"))
            near = try low.near.connect(to: try #require(low.far.address), mode: .onDemand)
            far = try low.far.connect(to: try #require(low.near.address), mode: .onDemand)
        }

        func pingPong() throws { try low.pingPong(near, far) }
    }

    @Test(
        arguments: transports,
        [("alpha", "beta"), ("beta", "alpha"), ("a name of many bytes", "another name of many bytes")])
    func `is made by the first message, whichever side sends it`(transport: String, names: (String, String)) throws {
        let pair = try Pair(transport, near: names.0, far: names.1)
        for _ in 0..<100 { pair.low.driveBoth() }
        #expect(pair.near.state == .onDemand)
        #expect(pair.far.state == .onDemand)
        try pair.pingPong()
        #expect(pair.near.state == .connected)
        #expect(pair.far.state == .connected)
        #expect(pair.near.transport == transport)
        #expect(pair.low.far.accept() == nil, "it was named, so it is not news")
    }

    @Test(arguments: [("alpha", "beta"), ("beta", "alpha")])
    func `is one although both sides send at once`(names: (String, String)) throws {
        let pair = try Pair(near: names.0, far: names.1)
        let payloads = (0..<10).map { Payload(byteCount: 1_000, seed: UInt64($0)) }
        let rooms = (0..<20).map { _ in Payload(byteCount: 1_000) }
        let sends = try payloads.flatMap { [try pair.near.send($0.bytes), try pair.far.send($0.bytes)] }
        let receives = try (0..<10).flatMap { index in
            [
                try pair.low.near.receive(into: rooms[2 * index].mutable, from: pair.near),
                try pair.low.far.receive(into: rooms[2 * index + 1].mutable, from: pair.far),
            ]
        }
        for request in sends + receives { _ = try pair.low.finish(request) }
        for index in 0..<20 { #expect(rooms[index] == payloads[index / 2], "in order, message \(index)") }
    }

    @Test func `tells that the peer cannot be reached, and may be tried again`() throws {
        let pair = try Pair()
        let address = try #require(pair.low.far.address)
        let nobody = try pair.low.near.connect(
            to: try EndpointAddress(host: address.host, port: 1, name: "nobody"), mode: .onDemand)
        for _ in 0..<2 {
            let send = try nobody.send(Payload.lasting(byteCount: 1).bytes)
            pair.low.run("the send has failed") { send.isComplete }
            let error = #expect(throws: HandfastError.self) { try send.result() }
            #expect(error?.code == .unreachable, "\(error as Any)")
            #expect(error?.message.contains("127.0.0.1:1") == true)
            #expect(nobody.state == .onDemand)
        }
        try pair.pingPong()
    }

    @Test func `that waits for its next attempt is among those under way`() throws {
        let environment = ["HANDFAST_CONNECT_INTERVAL_MS": "60000", "HANDFAST_CONNECT_DEADLINE_MS": "600000"]
        let near = try Endpoint(name: "alpha", transports: definitions, environment: environment)
        try near.listen(on: .loopback)
        let port = SilentListener.closedPort()
        let nobody = try near.connect(to: "127.0.0.1:\(port)@nobody", mode: .onDemand)
        #expect(near.pending.isEmpty)
        _ = try nobody.send(Payload.lasting(byteCount: 1).bytes)
        let direct = try near.connect(to: "127.0.0.1:\(port)@nobody")
        let isWaiting = near.wait(timeout: .seconds(10)) {
            near.pending.map(\.waitingFor).sorted() == ["a stream to the peer", "the next attempt"]
        }
        #expect(isWaiting, "\(near.pending)")
        #expect(near.pending.allSatisfy { $0.peer == "127.0.0.1:\(port)@nobody" || $0.peer == "127.0.0.1:\(port)" })
        direct.close()
        nobody.close()
        #expect(near.pending.isEmpty)
    }

    @Test func `is refused by a peer that expects nobody of that name`() throws {
        let pair = try Pair()
        let stranger = try Endpoint(name: "stranger", transports: definitions, environment: [:])
        try stranger.listen(on: IPAddress("127.0.0.1"))
        let connection = try stranger.connect(to: try #require(pair.low.far.address), mode: .onDemand)
        let send = try connection.send(Payload.lasting(byteCount: 1).bytes)
        pair.low.run("it was refused") {
            stranger.progress()
            return send.isComplete
        }
        let error = #expect(throws: HandfastError.self) { try send.result() }
        #expect(error?.code == .rejected)
        #expect(error?.message.contains("expects no connection from stranger") == true, "\(error as Any)")
        try pair.pingPong()
    }

    @Test func `is closed in order before and after its first use`() throws {
        let pair = try Pair()
        let receive = try pair.low.near.receive(into: Payload.lasting(byteCount: 1).mutable, from: pair.near)
        pair.near.close()
        #expect(receive.isComplete)
        #expect(pair.near.state == .closed)
        pair.near = try pair.low.near.connect(to: try #require(pair.low.far.address), mode: .onDemand)
        try pair.pingPong()
        pair.near.close()
        pair.low.run("it is gone") { pair.near.state == .closed && pair.far.state == .onDemand }
        pair.near = try pair.low.near.connect(to: try #require(pair.low.far.address), mode: .onDemand)
        try pair.pingPong()
    }

    @Test func `that is closed before it began disturbs no other that is about to begin`() throws {
        let pair = try Pair()
        let elsewhere = try (1...3).map { try EndpointAddress(parsing: "127.0.0.1:1@peer\($0)") }
        let closed = try pair.low.near.connect(to: elsewhere[0], mode: .onDemand)
        let (payload, room) = (Payload(byteCount: 5, seed: 1), Payload(byteCount: 5))
        let send = try pair.near.send(payload.bytes)
        let refused = try closed.send(payload.bytes)
        closed.close()
        let unused = try pair.low.near.connect(to: elsewhere[1], mode: .onDemand)
        let receive = try pair.low.far.receive(into: room.mutable, from: pair.far)
        _ = try pair.low.finish(receive)
        _ = try pair.low.finish(send)
        #expect(room == payload)
        #expect(throws: HandfastError.self) { try refused.result() }
        #expect(unused.state == .onDemand, "nobody has sent on it")
    }

    @Test func `joins a peer that was restarted under its old name`() throws {
        let pair = try Pair()
        try pair.pingPong()
        let address = try #require(pair.low.far.address)
        let waiting = try pair.low.near.receive(into: Payload.lasting(byteCount: 1).mutable, from: pair.near)
        var again: Endpoint? = try Endpoint(
            name: "beta", transports: definitions, environment: ["HANDFAST_TRANSPORTS": "tcp"])
        try again?.listen(on: IPAddress("127.0.0.1"))
        let nearAddress = try #require(pair.low.near.address)
        let connection = try #require(try again?.connect(to: nearAddress, mode: .onDemand))
        let (payload, room) = (Payload(byteCount: 5, seed: 1), Payload(byteCount: 5))
        let send = try connection.send(payload.bytes)
        pair.low.run("the old connection has ended") {
            again?.progress()
            return waiting.isComplete && send.isComplete
        }
        let error = #expect(throws: HandfastError.self) { try waiting.result() }
        #expect(error?.code == .peerRestarted)
        #expect(error?.message.contains("restarted") == true, "\(error as Any)")
        let event = try #require(pair.low.near.takeEvent())
        #expect(event.connection == pair.near)
        #expect(event.reason.code == .peerRestarted)
        #expect(pair.low.near.takeEvent() == nil)
        let receive = try pair.low.near.receive(into: room.mutable, from: pair.near)
        pair.low.run("the new one works") {
            again?.progress()
            return receive.isComplete
        }
        _ = try receive.result()
        #expect(room == payload)
        #expect(address.name == "beta")
        again = nil
    }

    @Test func `needs a name, a listener and a peer that is not expected yet`() throws {
        let pair = try Pair()
        let far = try #require(pair.low.far.address)
        let nameless = try EndpointAddress(host: far.host, port: far.port)
        let deaf = try Endpoint(name: "deaf", transports: definitions, environment: [:])
        for (endpoint, address) in [(pair.low.near, nameless), (pair.low.near, far), (deaf, far)] {
            let error = #expect(throws: HandfastError.self) { try endpoint.connect(to: address, mode: .onDemand) }
            #expect(error?.code == .invalidArgument)
        }
    }

    /// Sends until it is there.
    private func deliver(_ pair: EndpointPair, _ from: Connection, to endpoint: Endpoint, _ seed: UInt64) throws {
        let (payload, room) = (Payload(byteCount: 5, seed: seed), Payload(byteCount: 5))
        let receive = try endpoint.receive(into: room.mutable)
        let send = try from.send(payload.bytes)
        pair.run("the message is there") { receive.isComplete && send.isComplete }
        _ = try send.result()
        _ = try receive.result()
        #expect(room == payload)
    }

    @Test func `finds a peer again where that said it listens, when the given place is nobody's`() throws {
        let pair = try EndpointPair(
            definitions: definitions, near: [:], far: [:], names: ("alpha", "beta"))
        try pair.near.listen(on: IPAddress("127.0.0.1"))
        let wrong = "127.0.0.1:\(SilentListener.closedPort())@beta"
        let toFar = try pair.near.connect(to: try EndpointAddress(parsing: wrong), mode: .onDemand)
        var toNear = try pair.far.connect(to: try #require(pair.near.address), mode: .onDemand)
        try deliver(pair, toNear, to: pair.near, 1)
        toNear.close()
        pair.run("both know that it is over") { toNear.state == .closed && toFar.state == .onDemand }
        toNear = try pair.far.connect(to: try #require(pair.near.address), mode: .onDemand)
        try deliver(pair, toFar, to: pair.far, 2)
        #expect(pair.near.engine.lastWinner(of: toFar.record?.association?.places ?? []) == 1)
    }

    @Test func `has its host names resolved when the first message wants to go`() throws {
        let pair = try EndpointPair(
            definitions: definitions, near: ["HANDFAST_RESOLVE_TIMEOUT_MS": "2000"], far: [:], names: ("alpha", "beta"))
        try pair.near.listen(on: IPAddress("127.0.0.1"))
        let port = try #require(pair.far.address).port
        let counter = NameCounter()
        pair.near.engine.resolver = HostResolver { name in
            counter.add()
            return name == "node7" ? .addresses([.loopback]) : .failure("Name or service not known")
        }
        let toFar = try pair.near.connect(to: "nowhere:1,node7:\(port)@beta", mode: .onDemand)
        _ = try pair.far.connect(to: try #require(pair.near.address), mode: .onDemand)
        for _ in 0..<100 { pair.driveBoth() }
        #expect(counter.count == 0, "nobody has sent")
        #expect(toFar.state == .onDemand)
        try deliver(pair, toFar, to: pair.far, 1)
        #expect(counter.count == 2)
        let nobody = try pair.near.connect(to: "nowhere:1@gamma", mode: .onDemand)
        let send = try nobody.send(Payload.lasting(byteCount: 1).bytes)
        pair.run("it has failed") { send.isComplete }
        let error = #expect(throws: HandfastError.self) { try send.result() }
        #expect(error?.message.contains("nowhere") == true, "\(error as Any)")
        #expect(error?.message.contains("Name or service not known") == true, "\(error as Any)")
        for text in ["node7:1", "alpha"] {
            #expect(throws: HandfastError.self) { try pair.near.connect(to: text, mode: .onDemand) }
        }
    }

    // MARK: With a peer that speaks only 0x0200

    private func info(_ name: String, port: Int32 = 0) -> ConnectionInfo {
        ConnectionInfo(origin: .tcp(port: port), node: 0x7f00_0001, rank: -1, connectionID: 1, name: WireName(name))
    }

    @Test(arguments: ["aaa", "zzz"])
    func `is made by a pscom peer that sends first`(name: String) throws {
        let pair = try EndpointPair("tcp")
        let address = try #require(pair.far.address)
        let connection = try pair.far.connect(
            to: try EndpointAddress(host: address.host, port: 1, name: name), mode: .onDemand)
        let raw = try RawPeer(address)
        raw.send(.pscomVersion, .connectionInfoOnDemand(info(name)), .transportRequest(103), .transportAccepted)
        pair.run("it is connected") {
            raw.poll()
            return connection.state == .connected
        }
        #expect(raw.messages.last == .transportAccepted)
    }

    @Test func `is asked for by BACK_CONNECT, which is acknowledged`() throws {
        let pair = try Pair()
        let raw = try RawPeer(try #require(pair.low.near.address))
        raw.send(.backConnect(info("beta")))
        pair.low.run("the far side has a connection") {
            raw.poll()
            return raw.hasEnded && pair.near.state == .connected && pair.far.state == .connected
        }
        #expect(raw.messages == [.backAcknowledgement])
        try pair.pingPong()
    }

    @Test func `is not made for a stranger's BACK_CONNECT`() throws {
        let pair = try Pair()
        let raw = try RawPeer(try #require(pair.low.near.address))
        raw.send(.backConnect(info("stranger")))
        pair.low.run("it was refused") {
            raw.poll()
            return raw.hasEnded
        }
        #expect(pair.near.state == .onDemand)
        try pair.pingPong()
    }

    @Test func `goes on while a stranger sends ten thousand BACK_CONNECTs, of which the log tells once a second`()
        throws
    {
        let log = LogCapture()
        let pair = try EndpointPair(
            definitions: definitions, near: ["HANDFAST_TRANSPORTS": "tcp"], far: ["HANDFAST_TRANSPORTS": "tcp"],
            logger: log.logger, names: ("alpha", "beta"))
        try pair.near.listen(on: IPAddress("127.0.0.1"))
        let address = try #require(pair.far.address)
        let near = try pair.near.connect(to: address, mode: .onDemand)
        let far = try pair.far.connect(to: try #require(pair.near.address), mode: .onDemand)
        let start = ContinuousClock.now
        var refusedCount = 0
        for batch in 0..<200 {
            let strangers = try (0..<50).map { _ in try RawPeer(address) }
            for stranger in strangers { stranger.send(.backConnect(info("stranger"))) }
            try pair.pingPong(near, far)
            pair.run("batch \(batch) was refused") {
                for stranger in strangers where !stranger.hasEnded { stranger.poll() }
                return strangers.allSatisfy(\.hasEnded)
            }
            refusedCount +=
                strangers.filter {
                    if case .reject(let rejection)? = $0.messages.last {
                        [.unknownName, .busy].contains(rejection.code)
                    } else {
                        false
                    }
                }.count
        }
        #expect(refusedCount == 10_000)
        let seconds = Int(start.duration(to: .now) / .seconds(1))
        pair.run("the last line has said how many were left out") {
            log.lines.contains { $0.contains("others left out") } && pair.far.pending.isEmpty
        }
        #expect(log.lines.count <= seconds + 3, "\(log.lines)")
        #expect(log.lines.first?.contains("expects no connection from stranger") == true, "\(log.lines)")
        #expect(near.state == .connected)
        try pair.pingPong(near, far)
    }
}
