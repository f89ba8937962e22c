import Handfast
import LoopbackTransport
import SharedMemoryTransport
import TCPTransport

/// Connections over one transport whose two ends are driven in turn by this thread.
struct Stage {
    let near: Endpoint
    /// The same as `near` for a transport that joins an endpoint to itself.
    let far: Endpoint
    /// The last of them is the one that is used; the others stay idle.
    private(set) var connections: [(near: Connection, far: Connection)] = []

    static let definitions = [SharedMemoryTransport.definition, TCPTransport.definition, LoopbackTransport.definition]

    init(_ transport: String, connectionCount: Int) throws {
        let environment = ["HANDFAST_TRANSPORTS": transport]
        near = try Endpoint(name: "near", transports: Self.definitions, environment: environment)
        far =
            transport == "loopback"
            ? near : try Endpoint(name: "far", transports: Self.definitions, environment: environment)
        let address = try far.listen(on: IPAddress("127.0.0.1"))
        for _ in 0..<connectionCount {
            let connection = try near.connect(to: address)
            var accepted: Connection?
            while accepted == nil || connection.state == .connecting {
                drive()
                accepted = accepted ?? far.accept()
                if let error = connection.error { throw error }
            }
            if let accepted { connections.append((connection, accepted)) }
        }
    }

    func drive() {
        near.progress()
        far.progress()
    }
}
