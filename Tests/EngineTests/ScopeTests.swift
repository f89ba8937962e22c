import Testing
import TransportAPI

@testable import Handfast

@Suite struct `A link-local IPv6 address` {
    private func endpoint() throws -> Endpoint {
        let endpoint = try Endpoint(name: "alpha", transports: definitions, environment: [:])
        try endpoint.listen(on: .loopback)
        return endpoint
    }

    private func expect(_ error: HandfastError?, _ byte: Int, _ words: String) {
        #expect(error?.code == .invalidArgument)
        #expect(error?.message.contains("is wrong at byte \(byte): ") == true, "\(error as Any)")
        #expect(error?.message.contains(words) == true, "\(error as Any)")
        #expect(error?.message.contains("has lo") == true, "\(error as Any)")
    }

    static let texts: [(String, Int, String)] = [
        ("[fe80::1]:5000@beta", 2, "fe80::1 needs the interface"),
        ("10.0.0.1:5000,[fe80::1]:5000@beta", 16, "fe80::1 needs the interface"),
        ("node7:5000,[fe80::1]:5000@beta", 13, "fe80::1 needs the interface"),
        ("[fe80::1%nosuch]:5000@beta", 10, "this host has no interface \"nosuch\""),
        ("node7:5000,[fe80::1%4000000000]:5000@beta", 21, "this host has no interface \"4000000000\""),
        ("[fe80::1%0]:5000@beta", 10, "this host has no interface \"0\""),
    ]

    @Test(arguments: texts)
    func `needs an interface of this host, and the error tells where and which there are`(
        text: String, byte: Int, words: String
    ) throws {
        let endpoint = try endpoint()
        for mode in [ConnectMode.direct, .onDemand] {
            expect(#expect(throws: HandfastError.self) { try endpoint.connect(to: text, mode: mode) }, byte, words)
        }
        guard let address = try? EndpointAddress(parsing: text) else { return }
        for mode in [ConnectMode.direct, .onDemand] {
            expect(#expect(throws: HandfastError.self) { try endpoint.connect(to: address, mode: mode) }, byte, words)
        }
        #expect(endpoint.pending.isEmpty)
    }

    @Test func `with an interface of this host is tried`() throws {
        let endpoint = try endpoint()
        let connection = try endpoint.connect(to: "[fe80::1%lo]:\(SilentListener.closedPort())@beta", mode: .onDemand)
        #expect(connection.state == .onDemand)
    }

    @Test(arguments: ["fe80::1", "fe80::1%nosuch"]) func `needs one to be listened on`(text: String) throws {
        let endpoint = try Endpoint(name: "alpha", transports: definitions, environment: [:])
        let address: IPAddress? = IPAddress(text)
        let error = #expect(throws: HandfastError.self) { try endpoint.listen(on: address) }
        #expect(error?.code == .invalidArgument)
        #expect(error?.message.contains("has lo") == true, "\(error as Any)")
    }

    @Test func `that the resolver tells without one is not tried again`() throws {
        let endpoint = try Endpoint(
            name: "alpha", transports: definitions,
            environment: ["HANDFAST_CONNECT_INTERVAL_MS": "3600000", "HANDFAST_CONNECT_DEADLINE_MS": "3600000"])
        endpoint.engine.resolver = HostResolver { _ in .addresses([IPAddress("fe80::1")].compactMap { $0 }) }
        let connection = try endpoint.connect(to: "node7:5000@beta")
        let error = #expect(throws: HandfastError.self) {
            try endpoint.wait(for: connection, timeout: .seconds(60))
        }
        #expect(error?.code == .invalidArgument)
        #expect(error?.message.contains("fe80::1 needs the interface") == true, "\(error as Any)")
    }
}
