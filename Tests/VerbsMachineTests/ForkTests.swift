import Glibc
import Handfast
import Testing
import VerbsPeer

extension `Over verbs in the virtual machine` {
    @Suite(.serialized) struct `a forked child` {
        @Test(arguments: [Guest.far, Guest.farIWARP])
        func `may drop its copy of an endpoint, and ends nothing`(address: String) throws {
            let peer = try PeerProcess("far", on: address)
            var endpoint: Endpoint? = try makeEndpoint()
            var connection: Connection? = try connect(endpoint!, peer.address)
            let before = try Guest.resources()["qp"]
            // Swift hides it, because a child may do so little; this one does enough.
            let fork = unsafeBitCast(try #require(dlsym(nil, "fork")), to: (@convention(c) () -> pid_t).self)
            let child = fork()
            try #require(child >= 0)
            if child == 0 {
                (connection, endpoint) = (nil, nil)
                _exit((try? makeEndpoint()) == nil ? 1 : 0)
            }
            var status: Int32 = 0
            let deadline = ContinuousClock.now + .seconds(20)
            while waitpid(child, &status, WNOHANG) == 0, ContinuousClock.now < deadline { usleep(1_000) }
            kill(child, SIGKILL)
            #expect(status == 0)
            #expect(try Guest.resources()["qp"] == before)
            let (pattern, room) = (Pattern(byteCount: 100), Room(100))
            peer.tell("give 1 100")
            let receive = try endpoint!.receive(into: room.bytes, from: connection!)
            _ = try endpoint!.wait(for: receive, timeout: .seconds(20))
            #expect(room.holds(pattern.message(0)))
            #expect(try peer.answer("gave", endpoint!) == "1")
        }
    }
}
