import LoopbackTransport
import Testing

@testable import Handfast

@Suite struct `A wait for a message` {
    @Test func `looks at each message once while nothing arrives, but for a predicate`() throws {
        let endpoint = try Endpoint(name: "itself", transports: [LoopbackTransport.definition], environment: [:])
        try endpoint.listen(on: IPAddress("127.0.0.1"))
        let connection = try endpoint.connect(to: try #require(endpoint.address))
        #expect(endpoint.wait(timeout: .seconds(10)) { connection.state == .connected })
        for _ in 0..<3 { _ = try connection.send(UnsafeRawBufferPointer(start: nil, count: 0), tag: 1) }
        #expect(endpoint.wait(timeout: .seconds(10)) { endpoint.arrivalCount == 3 })
        #expect(try looks(endpoint, nil, looksAlways: false) == 3)
        #expect(try looks(endpoint, nil, looksAlways: true) > 6)
        var seen: UInt64 = 0
        #expect(endpoint.hasNews(from: nil, since: &seen) && !endpoint.hasNews(from: nil, since: &seen))
        _ = try connection.send(UnsafeRawBufferPointer(start: nil, count: 0), tag: 1)
        #expect(endpoint.wait(timeout: .seconds(10)) { endpoint.hasNews(from: nil, since: &seen) })
        connection.close()
        #expect(endpoint.hasNews(from: connection, since: &seen))
    }

    private func looks(_ endpoint: Endpoint, _ from: Connection?, looksAlways: Bool) throws -> Int {
        var count = 0
        let found = try endpoint.find(from: from, .milliseconds(1), looksAlways: looksAlways) { _ in
            count += 1
            return false
        }
        #expect(found == nil)
        return count
    }
}
