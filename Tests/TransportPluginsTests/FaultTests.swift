import DefaultTransports
import Handfast
import TCPTransport
import Testing
import TransportAPI
import TransportPlugins

/// Two endpoints that have a plug-in and TCP; each side's plug-in is a build of its own.
@Suite(.enabled(if: Workshop.compiler != nil, "there is no C compiler"))
struct `A plug-in that opens nothing for a connection that it had accepted` {
    private let workshop: Workshop

    init() throws { workshop = try Workshop() }

    private func endpoint(_ name: String, opensNothing: Bool) throws -> Endpoint {
        let defines = ["ADVANCE=return HF_ACCEPTED", opensNothing ? "OPEN=return 0" : "OPEN=return &state"]
        let plugin = TransportPlugins.definition(
            ofFileAt: try workshop.buildIdle(as: "\(name).so", defines),
            beside: Neighbours(defaultTransports, settings: Settings.rows(transports: [])))
        return try Endpoint(name: name, transports: [plugin, TCPTransport.definition], environment: [:])
    }

    private func run(_ what: Comment, _ endpoints: [Endpoint], until isDone: () -> Bool) {
        let deadline = ContinuousClock.now + .seconds(10)
        while !isDone() {
            for endpoint in endpoints { endpoint.progress() }
            guard ContinuousClock.now < deadline else {
                Issue.record("not within ten seconds: \(what)")
                return
            }
        }
    }

    private static let reason = "idle is at fault: its open returned NULL for a connection that it had accepted"

    @Test(arguments: [(true, true), (true, false), (false, true)])
    func `ends that connection, and the next goes over another transport`(near: Bool, far: Bool) throws {
        let (client, server) = (try endpoint("near", opensNothing: near), try endpoint("far", opensNothing: far))
        let address = try server.listen(on: IPAddress("127.0.0.1"))
        let first = try client.connect(to: address)
        run("the first connection ends", [client, server]) { first.error != nil }
        let error = try #require(first.error)
        if near {
            #expect(error.code == .noTransport)
            #expect(error.message.contains("the transport idle is not available: \(Self.reason)"), "\(error.message)")
            #expect(first.decisions.first?.description == "idle: refused here, \(Self.reason)")
        } else {
            #expect(error.code == .peerLost, "\(error.message)")
        }
        let second = try client.connect(to: address)
        run("the second connection is up", [client, server]) { second.state != .connecting }
        #expect(second.transport == "tcp", "\(second.error?.message ?? "")")
        #expect(second.decisions.contains { $0.transport == "idle" && $0.reason.contains(Self.reason) })
        for endpoint in [client, server] { endpoint.close() }
        run("both are closed", [client, server]) { client.isClosed && server.isClosed }
    }

    @Test func `ends a demand, and the next goes over another transport`() throws {
        let (client, server) = (try endpoint("near", opensNothing: true), try endpoint("far", opensNothing: true))
        let address = try server.listen(on: IPAddress("127.0.0.1"))
        // A demand is for a peer that expects it.
        _ = try server.connect(to: try client.listen(on: IPAddress("127.0.0.1")), mode: .onDemand)
        let connection = try client.connect(to: address, mode: .onDemand)
        let first = try connection.send(UnsafeRawBufferPointer(start: nil, count: 0))
        run("the first send fails", [client, server]) { first.isComplete }
        #expect(throws: HandfastError.self) { try first.result() }
        let second = try connection.send(UnsafeRawBufferPointer(start: nil, count: 0))
        run("the second send arrives", [client, server]) { second.isComplete && connection.transport == "tcp" }
        _ = try second.result()
        for endpoint in [client, server] { endpoint.close() }
        run("both are closed", [client, server]) { client.isClosed && server.isClosed }
    }
}
