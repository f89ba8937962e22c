import Handfast
import TCPTransport
import Testing
import TransportAPI

/// Two endpoints of this process that are driven in turn.
final class EndpointPair {
    let near: Endpoint
    let far: Endpoint

    init(_ environment: [String: String] = [:], transports: [TransportDefinition] = [.tcp]) throws {
        near = try Endpoint(name: "near", transports: transports, environment: environment)
        far = try Endpoint(name: "far", transports: transports, environment: environment)
        try far.listen(on: IPAddress("127.0.0.1"))
    }

    /// Drives both until the condition holds; fails the test after ten seconds.
    func run(_ what: Comment, until condition: () -> Bool) {
        // Neither may sleep, because the other runs in the same thread.
        let deadline = ContinuousClock.now + .seconds(10)
        while !condition() {
            near.progress()
            far.progress()
            guard ContinuousClock.now < deadline else {
                Issue.record("not within ten seconds: \(what)")
                return
            }
        }
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

    func finish(_ request: Request) throws -> Completion {
        run("the request is complete") { request.isComplete }
        return try #require(try request.result())
    }
}

extension TransportDefinition {
    static var tcp: TransportDefinition {
        TransportDefinition(name: "tcp", number: 103, summary: "the handshake's own stream") {
            _ throws(TransportRefusal) in try TCPTransport()
        }
    }
}
