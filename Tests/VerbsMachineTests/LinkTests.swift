import Handfast
import Testing
import VerbsPeer

extension `Over verbs in the virtual machine` {
    @Suite(.serialized) struct `a link that breaks` {
        @Test(arguments: [
            ("cut", "port 1 of the device is down; look at the cable"),
            ("lose 100", "look at the link, the switch and the peer"),
        ])
        func `ends every request with where, what and what to look at`(action: String, reason: String) throws {
            let peer = try PeerProcess("far")
            let endpoint = try makeEndpoint()
            let connection = try connect(endpoint, peer.address)
            let (small, large, room) = (Pattern(byteCount: 8000), Pattern(byteCount: 16 << 20), Room(8))
            peer.tell("take 100000 8000")
            let receive = try endpoint.receive(into: room.bytes, from: connection)
            var requests = try (0..<200).map { try connection.send(small.message($0)) }
            _ = try endpoint.wait(for: requests.removeFirst(), timeout: .seconds(20))
            defer { try? Guest.link("mend") }
            try Guest.link(action)
            do throws(HandfastError) { requests.append(try connection.send(large.message(0))) } catch {
                // It may be over already.
                #expect(error.code == .peerLost || error.code == .stale, "\(error)")
            }
            var errors: [HandfastError] = []
            for request in requests + [receive] {
                try #require(endpoint.wait(timeout: .seconds(20)) { request.isComplete }, "a request does not end")
                do throws(HandfastError) { _ = try request.result() } catch { errors.append(error) }
            }
            #expect(errors.count > 1)
            for error in Set(errors) {
                #expect(error.code == .peerLost)
                for part in [Guest.far, "GID ::ffff:10.1.0.1", "rxe1 port 1", reason] {
                    #expect(error.message.contains(part), "no \(part) in: \(error.message)")
                }
            }
            try Guest.link("mend")

            // The same endpoint, a new peer and a new connection.
            let next = try PeerProcess("next")
            let again = try connect(endpoint, next.address)
            next.tell("take 1 8000")
            _ = try endpoint.wait(for: try again.send(small.message(0)), timeout: .seconds(20))
            #expect(try next.answer("took", endpoint) == "1")
            withExtendedLifetime((small, large, room)) {}
        }

        @Test func `wakes who only waits for the peer`() throws {
            let peer = try PeerProcess("far")
            let endpoint = try makeEndpoint("near", ["HANDFAST_TRANSPORTS": "verbs", "HANDFAST_SPIN_US": "0"])
            let connection = try connect(endpoint, peer.address)
            let room = Room(8)
            let receive = try endpoint.receive(into: room.bytes, from: connection)
            defer { try? Guest.link("mend") }
            try Guest.link("cut")
            let error = try failure(endpoint, receive)
            #expect(error?.message.contains("port 1 of the device is down; look at the cable") == true)
            withExtendedLifetime(room) {}
        }
    }
}
