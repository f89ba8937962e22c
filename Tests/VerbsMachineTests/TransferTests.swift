import Foundation
import Glibc
import Handfast
import Testing
import VerbsPeer

extension `Over verbs in the virtual machine` {
    @Suite(.serialized) struct `a stream of messages` {
        /// VERBS_TRANSFER_MIB is how much is moved, 64 unless it says.
        @Test func `of 16 MiB each arrives as it was sent`() throws {
            let megabytes = ProcessInfo.processInfo.environment["VERBS_TRANSFER_MIB"].flatMap { Int($0) } ?? 64
            try move(count: max(1, megabytes / 16), byteCount: 16 << 20)
        }

        @Test func `that go without rendezvous arrives as it was sent`() throws {
            try move(count: 500, byteCount: 16_000)
        }

        @Test func `of small messages arrives as it was sent`() throws { try move(count: 3000, byteCount: 100) }

        @Test func `comes back too`() throws {
            let peer = try PeerProcess("far")
            let endpoint = try makeEndpoint()
            let connection = try connect(endpoint, peer.address)
            for byteCount in [1, 4_000, 5_000, 16_384, 1 << 20] {
                let (pattern, room) = (Pattern(byteCount: byteCount), Room(byteCount))
                peer.tell("give 10 \(byteCount)")
                for index in 0..<10 {
                    let receive = try endpoint.receive(into: room.bytes, from: connection)
                    #expect(try endpoint.wait(for: receive, timeout: .seconds(30)).byteCount == byteCount)
                    #expect(room.holds(pattern.message(index)), "message \(index) of \(byteCount) bytes")
                }
                #expect(try peer.answer("gave", endpoint) == "10")
            }
        }

        private func move(count: Int, byteCount: Int) throws {
            let peer = try PeerProcess("far")
            let endpoint = try makeEndpoint()
            let connection = try connect(endpoint, peer.address)
            let pattern = Pattern(byteCount: byteCount)
            peer.tell("take \(count) \(byteCount)")
            var requests: [Request] = []
            let start = ContinuousClock.now
            for index in 0..<count {
                requests.append(try connection.send(pattern.message(index)))
                while requests.count > 16 { _ = try endpoint.wait(for: requests.removeFirst(), timeout: .seconds(60)) }
            }
            for request in requests { _ = try endpoint.wait(for: request, timeout: .seconds(60)) }
            #expect(try peer.answer("took", endpoint) == "\(count)")
            let seconds = (ContinuousClock.now - start) / .seconds(1)
            print("\(count) messages of \(byteCount) bytes: \(Int(Double(count * byteCount) / 1e6 / seconds)) MB/s")
            withExtendedLifetime(pattern) {}
        }
    }
}
