import Handfast
import LoopbackTransport
import SharedMemoryTransport
import TCPTransport
import Testing

/// A connection between two endpoints of this process, or of one to itself, and memory that the far one lets be reached.
final class OneSidedPair {
    static let transports = ["shm", "tcp", "loopback"]

    let near: Endpoint
    /// The same as `near` over loopback.
    let far: Endpoint
    let connection: Connection
    let farConnection: Connection
    let memory: Payload
    let region: MemoryRegion
    let remote: RemoteMemory

    init(
        _ transport: String, byteCount: Int = 4_096, permissions: MemoryPermissions = [.read, .write, .atomic],
        _ more: [String: String] = [:]
    ) throws {
        let environment = more.merging(["HANDFAST_TRANSPORTS": transport]) { $1 }
        let definitions = [
            SharedMemoryTransport.definition, TCPTransport.definition, LoopbackTransport.definition,
        ]
        let near = try Endpoint(name: "near", transports: definitions, environment: environment)
        let far =
            transport == "loopback"
            ? near : try Endpoint(name: "far", transports: definitions, environment: environment)
        try far.listen(on: IPAddress("127.0.0.1"))
        (self.near, self.far) = (near, far)
        (connection, farConnection) = try Self.connect(near, far)
        memory = Payload(byteCount: byteCount)
        region = try far.register(memory: memory.mutable, permissions: permissions)
        remote = try RemoteMemory(key: region.key)
    }

    static func connect(_ near: Endpoint, _ far: Endpoint) throws -> (Connection, Connection) {
        let connection = try near.connect(to: try #require(far.address))
        var accepted: Connection?
        run([near, far], "the connection is up") {
            accepted = accepted ?? far.accept()
            return accepted != nil && connection.state != .connecting
        }
        return (connection, try #require(accepted, "\(String(describing: connection.error))"))
    }

    /// Drives all until the condition holds; fails the test after ten seconds.
    static func run(_ endpoints: [Endpoint], _ what: Comment, until condition: () -> Bool) {
        let deadline = ContinuousClock.now + .seconds(10)
        while !condition() {
            for endpoint in endpoints { endpoint.progress() }
            guard ContinuousClock.now < deadline else {
                Issue.record("not within ten seconds: \(what)")
                return
            }
        }
    }

    func run(_ what: Comment, until condition: () -> Bool) { Self.run([near, far], what, until: condition) }

    func drive(_ count: Int = 200) {
        for _ in 0..<count {
            near.progress()
            far.progress()
        }
    }

    @discardableResult
    func finish(_ request: Request) throws -> Completion {
        run("the request is complete") { request.isComplete }
        return try #require(try request.result())
    }

    /// The error that a request ends with.
    func failure(_ request: Request) throws -> HandfastError? {
        run("the request is complete") { request.isComplete }
        return #expect(throws: HandfastError.self) { try request.result() }
    }
}
