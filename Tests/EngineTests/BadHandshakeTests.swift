import Handfast
import Precon
import Testing

/// One kind of bad client.
struct BadClient: CustomTestStringConvertible, Sendable {
    let testDescription: String
    let bytes: [UInt8]
    /// What the log must say of it.
    let reason: String

    init(_ name: String, _ bytes: [UInt8], _ reason: String) {
        (testDescription, self.bytes, self.reason) = (name, bytes, reason)
    }

    static let version = PreconMessage.pscomVersion.frame
    static let info = PreconMessage.pscomInfo.frame

    private static func nameFrame(_ name: String) -> [UInt8] {
        var about = PeerInfo()
        about.name = name
        return PreconMessage.peerInfo(about).frame
    }

    static let all: [BadClient] = [
        BadClient("half a header, then silence", [0, 0x10, 0, 2], "HANDFAST_HANDSHAKE_TIMEOUT_MS"),
        BadClient("a header, then silence", frame(0x100002, byteCount: 40), "deadline"),
        BadClient("a size of 0x7ffffff0", frame(0x100003, byteCount: 0x7fff_fff0), "2147483632 bytes"),
        BadClient("a size of 0xfffffff8", frame(0x100003, byteCount: 0xffff_fff8), "4294967288 bytes"),
        BadClient("a size of 0xfffffffc", frame(0x100003, byteCount: 0xffff_fffc), "4294967292 bytes"),
        BadClient("an empty VERSION", frame(0x100003, byteCount: 0), "VERSION has 0 bytes"),
        BadClient("a VERSION of 4 bytes", frame(0x100003, byteCount: 4, payload: [0, 2, 0, 0]), "VERSION has 4 bytes"),
        BadClient(
            "a VERSION of 4000 bytes",
            frame(0x100003, byteCount: 4_000, payload: [0, 2, 0, 0, 0, 2, 0, 0] + Array(repeating: 0, count: 3_992)),
            "deadline"),
        BadClient(
            "ARCH_REQ first", PreconMessage.transportRequest(103).frame, "ARCH_REQ came while waiting for VERSION"),
        BadClient("ARCH_NEXT first", frame(0x100012, byteCount: 0), "ARCH_NEXT came while waiting for VERSION"),
        BadClient("ARCH_OK first", frame(0x100011, byteCount: 0), "ARCH_OK came while waiting for VERSION"),
        BadClient("STEP1 first", frame(0x100013, byteCount: 1, payload: [1]), "came while waiting for VERSION"),
        BadClient(
            "a CON_INFO of pscom 5", version + frame(0x100002, byteCount: 24, payload: Array(repeating: 0, count: 24)),
            "pscom 5.7 to 5.9"),
        BadClient(
            "a CON_INFO of 39 bytes", version + frame(0x100002, byteCount: 39, payload: Array(repeating: 0, count: 39)),
            "CON_INFO has 39 bytes"),
        BadClient("CON_INFO twice", version + info + info, "CON_INFO came while waiting for"),
        BadClient("FD_ERROR from the wire", frame(0x0ffffe, byteCount: 4, payload: [1, 0, 0, 0]), "0xffffe is local"),
        BadClient("FD_EOF from the wire", frame(0x0fffff, byteCount: 0), "0xfffff is local"),
        BadClient(
            "an unknown version", frame(0x100003, byteCount: 8, payload: [9, 9, 0, 0, 9, 9, 0, 0]), "no common dialect"),
        BadClient(
            "CON_INFO_DEMAND", version + frame(0x100004, byteCount: 40, payload: Array(info.dropFirst(8))),
            "expects no connection from bad"),
        BadClient(
            "unknown messages without end",
            Array(repeating: frame(0x200000, byteCount: 0), count: 100).flatMap(\.self), "unknown messages"),
        BadClient("a name with a line break", version + nameFrame("two\nlines") + info, "two\\u{a}lines"),
        BadClient("a name of 300 bytes", version + nameFrame(String(repeating: "n", count: 300)) + info, "300 bytes"),
        BadClient("too much before it says who it is", frame(0x100020, byteCount: 60_000), "at most 16384"),
        BadClient(
            "an HTTP client", Array("GET / HTTP/1.1\r\nHost: a\r\n\r\n".utf8),
            #"does not speak this protocol; its first bytes are "GET / HTTP/1.1..""#),
        BadClient(
            "an SSH client", Array("SSH-2.0-OpenSSH_9.6\r\n".utf8),
            #"does not speak this protocol; its first bytes are "SSH-2.0-OpenSSH_""#),
        BadClient(
            "a TLS client", [0x16, 3, 1, 1, 0, 1, 0, 0, 0xfc, 3, 3, 0x41, 0x42, 0, 0x22, 0xff],
            #"does not speak this protocol; its first bytes are "...........AB."."#),
    ]
}

@Suite struct `A bad client` {
    @Test(arguments: BadClient.all)
    func `costs only its own connection, with a line in the log`(client: BadClient) throws {
        let log = LogCapture()
        let pair = try EndpointPair("tcp", ["HANDFAST_HANDSHAKE_TIMEOUT_MS": "200"], logger: log.logger)
        let (near, far) = try pair.connect()
        let address = try #require(pair.far.address)
        let peer = try RawPeer(address)
        peer.send(client.bytes)
        var rounds = 0
        pair.run("the bad client is turned away") {
            rounds += 1
            if rounds % 64 == 0 { try? pair.pingPong(near, far) }
            peer.poll()
            return peer.hasEnded
        }
        let line = try #require(log.lines.first { $0.contains(peer.name) }, "\(log.lines)")
        #expect(line.contains(client.reason), "\(line)")
        try pair.pingPong(near, far)
        #expect(pair.far.accept() == nil)
    }

    @Test(arguments: [1, 2, 3] as [UInt64])
    func `may send random bytes`(seed: UInt64) throws {
        let log = LogCapture()
        let pair = try EndpointPair("tcp", ["HANDFAST_HANDSHAKE_TIMEOUT_MS": "200"], logger: log.logger)
        let (near, far) = try pair.connect()
        let address = try #require(pair.far.address)
        for round in 0..<20 {
            let peer = try RawPeer(address)
            peer.send(Payload(byteCount: 1 + round * 97, seed: seed &* 100 &+ UInt64(round)).copy)
            pair.run("it is turned away (seed \(seed), round \(round))") {
                peer.poll()
                return peer.hasEnded
            }
        }
        pair.run("all have been told of (seed \(seed))") { log.toldCount == 20 }
        try pair.pingPong(near, far)
    }

    @Test(arguments: BadClient.all)
    func `that comes again and again is told of once a second, with the number left out`(client: BadClient) throws {
        let log = LogCapture()
        let pair = try EndpointPair("tcp", ["HANDFAST_HANDSHAKE_TIMEOUT_MS": "200"], logger: log.logger)
        let address = try #require(pair.far.address)
        let start = ContinuousClock.now
        let count = 20
        let peers = try (0..<count).map { _ in try RawPeer(address) }
        for peer in peers { peer.send(client.bytes) }
        pair.run("they are turned away") {
            for peer in peers { peer.poll() }
            return peers.allSatisfy(\.hasEnded)
        }
        pair.run("all have been told of") { log.toldCount == count }
        let seconds = Int(start.duration(to: .now) / .seconds(1))
        #expect(log.lines.count <= seconds + 2, "\(log.lines)")
        #expect(log.lines.allSatisfy { $0.contains(client.reason) }, "\(log.lines)")
    }

    @Test func `that sends a byte now and then has no more time than others`() throws {
        let log = LogCapture()
        let pair = try EndpointPair("tcp", ["HANDFAST_HANDSHAKE_TIMEOUT_MS": "300"], logger: log.logger)
        let (near, far) = try pair.connect()
        let address = try #require(pair.far.address)
        let peer = try RawPeer(address)
        var rest = BadClient.version[...]
        var next = ContinuousClock.now
        pair.run("it is turned away") {
            if next <= .now, let byte = rest.popFirst() {
                peer.send([byte])
                next = .now + .milliseconds(50)
            }
            peer.poll()
            return peer.hasEnded
        }
        #expect(!rest.isEmpty, "the deadline is one for the whole handshake")
        try pair.pingPong(near, far)
    }

    @Test func `that says nothing is seen, and after a while told of`() throws {
        let log = LogCapture()
        let pair = try EndpointPair(
            "tcp", ["HANDFAST_HANDSHAKE_TIMEOUT_MS": "10000", "HANDFAST_SLOW_HANDSHAKE_MS": "50"], logger: log.logger)
        let peer = try RawPeer(try #require(pair.far.address))
        peer.send(.pscomVersion)
        pair.run("there is a line in the log") { !log.lines.isEmpty }
        #expect(log.lines[0].contains(peer.name) && log.lines[0].contains("CON_INFO"), "\(log.lines)")
        let pending = try #require(pair.far.pending.first)
        #expect(pending.peer == peer.name)
        #expect(pending.waitingFor == "CON_INFO")
        #expect(pending.isIncoming)
        for _ in 0..<1_000 { pair.driveBoth() }
        #expect(log.lines.count == 1, "once is enough")
    }

    @Test func `that says nothing fills no log, however many there are`() throws {
        let log = LogCapture()
        let pair = try EndpointPair(
            "tcp", ["HANDFAST_HANDSHAKE_TIMEOUT_MS": "3600000", "HANDFAST_SLOW_HANDSHAKE_MS": "50"], logger: log.logger)
        let address = try #require(pair.far.address)
        let start = ContinuousClock.now
        let peers = try (0..<100).map { _ in try RawPeer(address) }
        for peer in peers { peer.send(.pscomVersion) }
        pair.run("all have been told of") { log.toldCount == peers.count }
        let seconds = Int(start.duration(to: .now) / .seconds(1))
        #expect(log.lines.count <= seconds + 2, "\(log.lines)")
        #expect(log.lines.allSatisfy { $0.contains("handshake is slow") && $0.contains("CON_INFO") }, "\(log.lines)")
    }

    @Test func `that takes the last place makes others come again, who then connect`() throws {
        let log = LogCapture()
        let pair = try EndpointPair(
            "tcp",
            [
                "HANDFAST_HANDSHAKE_TIMEOUT_MS": "60000", "HANDFAST_SLOW_HANDSHAKE_MS": "600000",
                "HANDFAST_PENDING_HANDSHAKES": "1",
            ], logger: log.logger)
        var silent: RawPeer? = try RawPeer(try #require(pair.far.address))
        silent?.send(.pscomVersion)
        pair.run("it has the place") { pair.far.pending.count == 1 }
        let connection = try pair.near.connect(to: try #require(pair.far.address))
        pair.run("the other one was refused") { !log.lines.isEmpty }
        #expect(log.lines[0].contains("far has 1 unfinished handshakes"), "\(log.lines)")
        #expect(log.lines[0].contains("HANDFAST_PENDING_HANDSHAKES"), "\(log.lines)")
        #expect(connection.state == .connecting)
        silent = nil
        pair.run("it is connected") { connection.state == .connected }
        var accepted: Connection?
        pair.run("on both sides") {
            accepted = accepted ?? pair.far.accept()
            return accepted != nil
        }
        try pair.pingPong(connection, try #require(accepted))
    }

    @Test func `that says nothing at all gives its place to who comes`() throws {
        let log = LogCapture()
        let pair = try EndpointPair(
            "tcp",
            [
                "HANDFAST_HANDSHAKE_TIMEOUT_MS": "3600000", "HANDFAST_CONNECT_DEADLINE_MS": "3600000",
                "HANDFAST_SLOW_HANDSHAKE_MS": "3600000", "HANDFAST_PENDING_HANDSHAKES": "3",
                "HANDFAST_CONNECT_ATTEMPTS": "1",
            ], logger: log.logger)
        let address = try #require(pair.far.address)
        let talking = try RawPeer(address)
        talking.send(.pscomVersion)
        pair.run("the one that talks has a place") { pair.far.pending.first?.waitingFor == "CON_INFO" }
        let silent = try [RawPeer(address), RawPeer(address)]
        silent[1].send([0])
        pair.run("they have the places") { pair.far.pending.count == 3 }
        let (near, far) = try pair.connect()
        try pair.pingPong(near, far)
        pair.run("one was told why") {
            for peer in silent { peer.poll() }
            return silent.contains(where: \.wasRejected)
        }
        talking.poll()
        #expect(!talking.hasEnded)
    }

    @Test func `that comes two hundred times and says nothing keeps nobody out for long`() throws {
        let log = LogCapture()
        let pair = try EndpointPair("tcp", ["HANDFAST_HANDSHAKE_TIMEOUT_MS": "500"], logger: log.logger)
        let (near, far) = try pair.connect()
        let address = try #require(pair.far.address)
        let peers = try (0..<200).map { _ in try RawPeer(address) }
        pair.run("the newest are told that it is busy") {
            for peer in peers { peer.poll() }
            return peers.count(where: \.wasRejected) >= 72
        }
        try pair.pingPong(near, far)
        pair.run("the others have had their time") {
            for peer in peers { peer.poll() }
            return peers.allSatisfy(\.hasEnded)
        }
        _ = try pair.connect()
    }
}
