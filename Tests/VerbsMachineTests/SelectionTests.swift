import Handfast
import Testing
import VerbsPeer

extension `Over verbs in the virtual machine` {
    @Suite(.serialized) struct `what the environment says` {
        @Test func `gives verbs to one peer and TCP to another`() throws {
            let (one, other) = (try PeerProcess("one", environment: [:]), try PeerProcess("other", environment: [:]))
            let endpoint = try makeEndpoint("near", ["HANDFAST_SELECT": "one=verbs; other=tcp"])
            let connections = [
                try connect(endpoint, one.address, over: "verbs"), try connect(endpoint, other.address, over: "tcp"),
            ]
            let pattern = Pattern(byteCount: 100_000)
            for peer in [one, other] { peer.tell("take 20 100000") }
            for index in 0..<20 {
                for request in try connections.map({ try $0.send(pattern.message(index)) }) {
                    _ = try endpoint.wait(for: request, timeout: .seconds(20))
                }
            }
            for peer in [one, other] { #expect(try peer.answer("took", endpoint) == "20") }
            withExtendedLifetime(pattern) {}
        }

        @Test(arguments: [
            ["HANDFAST_VERBS_DEVICE": "rxe1"], ["HANDFAST_VERBS_PORT": "1", "HANDFAST_VERBS_GID": "1"],
        ])
        func `chooses device, port and GID`(variables: [String: String]) throws {
            let peer = try PeerProcess("far", environment: ["HANDFAST_TRANSPORTS": "verbs,tcp"])
            let endpoint = try makeEndpoint("near", variables.merging(["HANDFAST_TRANSPORTS": "verbs,tcp"]) { $1 })
            let connection = try connect(endpoint, peer.address)
            peer.tell("take 1 50000")
            let pattern = Pattern(byteCount: 50_000)
            _ = try endpoint.wait(for: try connection.send(pattern.message(0)), timeout: .seconds(20))
            #expect(try peer.answer("took", endpoint) == "1")
            withExtendedLifetime(pattern) {}
        }

        @Test(arguments: [
            (["HANDFAST_VERBS_DEVICE": "mlx5_0"], "matches no device; there are rxe0, rxe1, siw0, siw1"),
            (["HANDFAST_VERBS_PORT": "7"], "HANDFAST_VERBS_PORT=7 matches no port of rxe1; there are 1"),
            (
                ["HANDFAST_VERBS_DEVICE": "rxe1", "HANDFAST_VERBS_PORT": "2"],
                "HANDFAST_VERBS_PORT=2 matches no port of rxe1; there are 1"
            ),
            (["HANDFAST_VERBS_GID": "200"], "HANDFAST_VERBS_GID=200 matches no entry of port 1 of rxe1; there are 0 ("),
            (["HANDFAST_VERBS_GID": "65535"], "HANDFAST_VERBS_GID=65535 matches no entry"),
            // Link-local, where the peer has an IPv4 address.
            (["HANDFAST_VERBS_GID": "0"], "are of two kinds; choose another with HANDFAST_VERBS_GID"),
        ])
        func `and does not fit is told on both sides, and the next transport is taken`(
            variables: [String: String], reason: String
        ) throws {
            let peer = try PeerProcess("far", environment: ["HANDFAST_TRANSPORTS": "verbs,tcp"])
            let endpoint = try makeEndpoint("near", variables.merging(["HANDFAST_TRANSPORTS": "verbs,tcp"]) { $1 })
            let connection = try connect(endpoint, peer.address, over: "tcp")
            let here = connection.decisions.map(\.description).joined(separator: " | ")
            #expect(here.contains(reason), "\(here)")
            #expect(here.contains("tcp: chosen"))
            let there = try peer.ask("decisions", "decisions", endpoint)
            print("\(variables): here \(here); there \(there)")
            #expect(there.contains("tcp: chosen"))
            #expect(there.contains("verbs: "), "\(there)")
        }

        @Test func `of the peer that does not fit is told on both sides`() throws {
            let peer = try PeerProcess(
                "far", environment: ["HANDFAST_TRANSPORTS": "verbs,tcp", "HANDFAST_VERBS_GID": "99"])
            let endpoint = try makeEndpoint("near", ["HANDFAST_TRANSPORTS": "verbs,tcp"])
            let connection = try connect(endpoint, peer.address, over: "tcp")
            let reason = "HANDFAST_VERBS_GID=99 matches no entry of port 1 of rxe0"
            let here = connection.decisions.map(\.description).joined(separator: " | ")
            #expect(here.contains("verbs: refused by the peer, \(reason)"), "\(here)")
            #expect(try peer.ask("decisions", "decisions", endpoint).contains("verbs: refused here, \(reason)"))
        }

        @Test func `of locked memory that is too small is told with the figure and the remedy`() throws {
            let peer = try PeerProcess(
                "far", environment: ["HANDFAST_TRANSPORTS": "verbs,tcp", "PEER_LOCKED_BYTES": "65536"])
            let endpoint = try makeEndpoint("near", ["HANDFAST_TRANSPORTS": "verbs,tcp"])
            let connection = try connect(endpoint, peer.address, over: "tcp")
            let there = try peer.ask("decisions", "decisions", endpoint)
            #expect(
                there.contains("at most 64 KiB of memory may be locked (`ulimit -l`), and verbs need 1024"), "\(there)")
            #expect(there.contains("raise it in /etc/security/limits.conf"), "\(there)")
            let here = connection.decisions.map(\.description).joined(separator: " | ")
            print("here \(here); there \(there)")
            peer.tell("take 1 100")
            let pattern = Pattern(byteCount: 100)
            _ = try endpoint.wait(for: try connection.send(pattern.message(0)), timeout: .seconds(20))
            #expect(try peer.answer("took", endpoint) == "1")
            withExtendedLifetime(pattern) {}
        }
    }
}
