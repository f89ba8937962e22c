import Handfast
import Logging
import LoopbackTransport
import SharedMemoryTransport
import TCPTransport
import Testing
import TransportAPI

let definitions = [SharedMemoryTransport.definition, TCPTransport.definition]
/// The same tests for each.
let transports = ["shm", "tcp"]
/// Loopback too: both ends are one endpoint then.
let everyTransport = transports + ["loopback"]

/// Two endpoints of this process that are driven in turn; over loopback one that is connected to itself.
final class EndpointPair {
    let near: Endpoint
    let far: Endpoint

    convenience init(_ transport: String, _ more: [String: String] = [:], logger: Logger? = nil) throws {
        let environment = more.merging(["HANDFAST_TRANSPORTS": transport]) { $1 }
        try self.init(
            definitions: transport == "loopback" ? [LoopbackTransport.definition] : definitions, near: environment,
            far: environment, logger: logger, isOne: transport == "loopback")
    }

    init(
        definitions: [TransportDefinition], near: [String: String], far: [String: String], logger: Logger? = nil,
        names: (near: String, far: String) = ("near", "far"), isOne: Bool = false
    ) throws {
        let first = try Endpoint(name: names.near, transports: definitions, environment: near)
        self.near = first
        self.far =
            isOne
            ? first : try Endpoint(name: names.far, transports: definitions, environment: far, logger: logger)
        try self.far.listen(on: IPAddress("127.0.0.1"))
    }

    /// Drives both until the condition holds; fails the test after ten seconds.
    func run(_ what: Comment, until condition: () -> Bool) {
        // Neither may sleep, because the other runs in the same thread.
        let deadline = ContinuousClock.now + .seconds(10)
        while !condition() {
            driveBoth()
            guard ContinuousClock.now < deadline else {
                Issue.record("not within ten seconds: \(what)")
                return
            }
        }
    }

    func driveBoth() {
        near.progress()
        far.progress()
    }

    /// A connection from near to far, as each side sees it.
    func connect() throws -> (near: Connection, far: Connection) {
        let connection = try near.connect(to: try #require(far.address))
        var accepted: Connection?
        run("the connection is up") {
            accepted = accepted ?? far.accept()
            return accepted != nil && connection.state != .connecting
        }
        return (connection, try #require(accepted, "\(String(describing: connection.error))"))
    }

    /// A connection from a third endpoint, which may vanish later, to far, as each side sees it.
    func join(_ other: Endpoint) throws -> (other: Connection, far: Connection) {
        let connection = try other.connect(to: try #require(far.address))
        var accepted: Connection?
        run("the connection is up") {
            other.progress()
            accepted = accepted ?? far.accept()
            return accepted != nil && connection.state == .connected
        }
        return (connection, try #require(accepted))
    }

    /// A message there and one back.
    func pingPong(_ one: Connection, _ other: Connection) throws {
        for (from, to, endpoint) in [(one, other, far), (other, one, near)] {
            let (payload, room) = (Payload(byteCount: 8, seed: 1), Payload(byteCount: 8))
            let receive = try endpoint.receive(into: room.mutable, from: to)
            _ = try finish(try from.send(payload.bytes))
            _ = try finish(receive)
            #expect(room == payload)
        }
    }

    func finish(_ request: Request) throws -> Completion {
        run("the request is complete") { request.isComplete }
        return try #require(try request.result())
    }
}
