import Foundation
import Glibc
import Handfast
import Testing
import VerbsPeer

extension `Over verbs in the virtual machine` {
    @Suite(.serialized) struct `a peer that is killed` {
        @Test func `while it is idle ends what waits for it`() throws {
            try killed { peer, _, _ in peer.kill() }
        }

        @Test func `while it receives ends what is sent to it`() throws {
            try killed { peer, endpoint, connection in
                peer.tell("take 100000 8000")
                let pattern = Pattern(byteCount: 8000)
                var requests = try (0..<100).map { try connection.send(pattern.message($0)) }
                for request in requests[..<20] { _ = try endpoint.wait(for: request, timeout: .seconds(20)) }
                requests.removeFirst(20)
                peer.kill()
                try expectEnd(endpoint, requests)
                withExtendedLifetime(pattern) {}
            }
        }

        @Test func `while it stands still with a full queue ends what is sent to it`() throws {
            try killed { peer, endpoint, connection in
                peer.hold()
                let pattern = Pattern(byteCount: 8000)
                let requests = try (0..<100).map { try connection.send(pattern.message($0)) }
                _ = endpoint.wait(timeout: .milliseconds(300)) { requests[99].isComplete }
                #expect(!requests[99].isComplete)
                peer.kill()
                try expectEnd(endpoint, requests)
                withExtendedLifetime(pattern) {}
            }
        }

        @Test func `while it sends ends what is received from it`() throws {
            try killed { peer, endpoint, connection in
                peer.tell("give 100000 8000")
                let room = Room(8000)
                for _ in 0..<20 {
                    let receive = try endpoint.receive(into: room.bytes, from: connection)
                    _ = try endpoint.wait(for: receive, timeout: .seconds(20))
                }
                peer.kill()
                // What had come is there to be received; then there is an end.
                for _ in 0..<100_000 {
                    do {
                        let receive = try endpoint.receive(into: room.bytes, from: connection)
                        _ = try endpoint.wait(for: receive, timeout: .seconds(20))
                    } catch let error as HandfastError {
                        #expect(error.code == .peerLost || error.code == .stale, "\(error)")
                        return
                    }
                }
                Issue.record("a peer that is dead sends without end")
            }
        }

        @Test func `in the middle of a payload that is read from it ends the receive`() throws {
            try killed { peer, endpoint, connection in
                let room = Room(32 << 20)
                let receive = try endpoint.receive(into: room.bytes, from: connection)
                peer.tell("give 1 \(room.bytes.count)")
                // Some has come, and the end has not.
                let hasBegun = endpoint.wait(timeout: .seconds(30)) {
                    room.bytes[1 << 20] != 0 || room.bytes[1 << 20 + 8] != 0
                }
                #expect(hasBegun)
                peer.kill()
                #expect(!receive.isComplete)
                let error = try failure(endpoint, receive)
                #expect(error?.code == .peerLost, "\(String(describing: error))")
                #expect(error?.message.contains("(victim)") == true, "\(String(describing: error))")
                // After that nothing may come any more.
                let tail = room.bytes.suffix(64).map { $0 }
                _ = endpoint.wait(timeout: .milliseconds(100)) { false }
                #expect(tail == room.bytes.suffix(64).map { $0 })
            }
        }

        @Test func `in the middle of a payload that it reads ends the send`() throws {
            try killed { peer, endpoint, connection in
                let pattern = Pattern(byteCount: 32 << 20)
                peer.tell("take 1 \(32 << 20)")
                let send = try connection.send(pattern.message(0))
                _ = endpoint.wait(timeout: .milliseconds(200)) { send.isComplete }
                peer.kill()
                #expect(!send.isComplete)
                try expectEnd(endpoint, [send])
                withExtendedLifetime(pattern) {}
            }
        }

        /// Two peers, one of which the body kills: what waits for it ends, and the other is served as before.
        private func killed(_ body: (PeerProcess, Endpoint, Connection) throws -> Void) throws {
            let (victim, other) = (try PeerProcess("victim"), try PeerProcess("other"))
            let endpoint = try makeEndpoint()
            let toVictim = try connect(endpoint, victim.address)
            let toOther = try connect(endpoint, other.address)
            let before = try Guest.resources()
            let last = Room(8)
            try body(victim, endpoint, toVictim)
            // Also what is asked for only now.
            do throws(HandfastError) {
                let receive = try endpoint.receive(into: last.bytes, from: toVictim)
                _ = try endpoint.wait(for: receive, timeout: .seconds(20))
                Issue.record("something came from a dead peer")
            } catch { #expect(error.code != .timeout, "\(error)") }
            #expect(endpoint.wait(timeout: .seconds(20)) { toVictim.state == .closed })

            other.tell("take 50 20000")
            let pattern = Pattern(byteCount: 20_000)
            for index in 0..<50 {
                _ = try endpoint.wait(for: try toOther.send(pattern.message(index)), timeout: .seconds(20))
            }
            #expect(try other.answer("took", endpoint) == "50")
            // Both ends of the dead connection are gone: the victim's with its process.
            var after = before
            let deadline = ContinuousClock.now + .seconds(10)
            repeat {
                endpoint.progress()
                after = try Guest.resources()
            } while after["qp"] ?? 0 > (before["qp"] ?? 0) - 2 && ContinuousClock.now < deadline
            #expect(after["qp"] == (before["qp"] ?? 0) - 2)
            withExtendedLifetime((pattern, last)) {}
        }

        private func expectEnd(_ endpoint: Endpoint, _ requests: [Request]) throws {
            var lostCount = 0
            for request in requests {
                try #require(endpoint.wait(timeout: .seconds(20)) { request.isComplete }, "a request does not end")
                do throws(HandfastError) { _ = try request.result() } catch {
                    #expect(error.code == .peerLost, "\(error)")
                    lostCount += 1
                }
            }
            // Small ones may have been complete before; not all were.
            #expect(lostCount > 0)
        }
    }
}
