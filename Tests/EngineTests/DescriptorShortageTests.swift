import Glibc
import Testing

@testable import Handfast

/// In processes of their own, because no other test may be left without descriptors.
@Suite struct `Without a descriptor to spare` {
    @Test func `a connect says which limit to raise`() async {
        await #expect(processExitsWith: .success) {
            let endpoint = try Shortage.makeEndpoint("alpha")
            Shortage.begin()
            let connection = try endpoint.connect(to: "127.0.0.1:\(try #require(endpoint.address).port &+ 1)")
            #expect(endpoint.wait(timeout: .seconds(60)) { connection.state == .closed })
            let error = try #require(connection.error)
            #expect(error.code == .resources)
            Shortage.expectRemedy(error.message)
        }
    }

    @Test func `a connect to oneself says which limit to raise`() async {
        await #expect(processExitsWith: .success) {
            let endpoint = try Shortage.makeEndpoint("alpha")
            Shortage.begin()
            let error = try #require(throws: HandfastError.self) {
                _ = try endpoint.connect(to: try #require(endpoint.address))
            }
            Shortage.expectRemedy(error.message)
        }
    }

    @Test func `a connect by a host name says which limit to raise`() async {
        await #expect(processExitsWith: .success) {
            let endpoint = try Shortage.makeEndpoint("alpha")
            Shortage.begin()
            let error = try #require(throws: HandfastError.self) { _ = try endpoint.connect(to: "localhost:1") }
            Shortage.expectRemedy(error.message)
        }
    }

    @Test func `an endpoint that listens says which limit to raise`() async {
        await #expect(processExitsWith: .success) {
            let endpoint = try Endpoint(
                name: "alpha", transports: definitions, environment: ["HANDFAST_RAISE_DESCRIPTORS": "no"])
            Shortage.begin()
            let error = try #require(throws: HandfastError.self) { _ = try endpoint.listen(on: .loopback) }
            Shortage.expectRemedy(error.message)
        }
    }

    @Test func `an endpoint that is made says which limit to raise`() async {
        await #expect(processExitsWith: .success) {
            Shortage.begin()
            let error = try #require(throws: HandfastError.self) {
                _ = try Endpoint(
                    name: "alpha", transports: definitions, environment: ["HANDFAST_RAISE_DESCRIPTORS": "no"])
            }
            Shortage.expectRemedy(error.message)
        }
    }
}

enum Shortage {
    static func makeEndpoint(_ name: String) throws -> Endpoint {
        let endpoint = try Endpoint(
            name: name, transports: definitions,
            environment: [
                "HANDFAST_RAISE_DESCRIPTORS": "no", "HANDFAST_TRANSPORTS": "tcp", "HANDFAST_CONNECT_ATTEMPTS": "1",
            ])
        try endpoint.listen(on: .loopback)
        return endpoint
    }

    /// Lets nobody have a number above 2, and takes what is free below: higher ones may be given back at any time by the
    /// library of the tests.
    /// - Returns: the limit that there was.
    @discardableResult
    static func begin() -> rlim_t {
        let usual = setLimit(3)
        while dup(0) >= 0 {}
        return usual
    }

    static func end(_ usual: rlim_t) { _ = setLimit(usual) }

    private static func setLimit(_ count: rlim_t) -> rlim_t {
        var limit = rlimit()
        getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        let usual = limit.rlim_cur
        limit.rlim_cur = count
        #expect(setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0)
        return usual
    }

    static func expectRemedy(_ text: String) {
        #expect(text.contains("ulimit -n") && text.contains("HANDFAST_RAISE_DESCRIPTORS"), "\(text)")
    }
}
