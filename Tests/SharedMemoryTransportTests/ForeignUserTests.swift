import CSystem
import Glibc
import Testing
import TransportAPI

@testable import SharedMemoryTransport

/// Each in a process of its own, whose user or limits it changes.
@Suite struct `Another user or too few descriptors` {
    @Test(.enabled(if: geteuid() == 0, "only root can become another user"))
    func `mean no shared memory, and the reason names both users`() async {
        await #expect(processExitsWith: .success) {
            let meeting = try Meeting(SharedMemoryTransport(), SharedMemoryTransport())
            let payload = try meeting.propose()
            let proposal = try Proposal.parse(payload)
            let segment = try PairMemory.makeSegment()
            #expect(seteuid(1234) == 0)
            expectRefusal(.unreachable, saying: "uid 0, this process as uid 1234") {
                _ = try meeting.answerer.advance(step: payload)
            }
            // Says the right token, and is shown out all the same.
            let name = Lobby.socketName(proposal.socket)
            let socket = Descriptor(owning: csystem_connect(name, UInt64(name.count)))
            let introduction = Introduction(
                token: proposal.token, nonce: proposal.token, bit: 0, proofAddress: 0, proof: proposal.token)
            try Message.send(introduction, on: socket, [segment.descriptor, segment.descriptor, segment.descriptor])
            #expect(seteuid(0) == 0)
            #expect(try meeting.starter.advance(step: nil) == .wait)
            var byte: UInt8 = 0
            #expect(recv(socket.number, &byte, 1, 0) <= 0)
        }
    }

    @Test(arguments: 0...5)
    func `are told with the remedy, and no descriptor is lost`(spareCount: Int) async {
        await #expect(processExitsWith: .success) { [spareCount] in
            let first = try SharedMemoryTransport()
            let second = try SharedMemoryTransport()
            // What the runtime opens later is opened now.
            try Meeting(first, second).run()
            let highest = (0..<1024).last { fcntl($0, F_GETFD) >= 0 }!
            for number in 0...highest where fcntl(number, F_GETFD) < 0 { _ = dup2(1, number) }
            var limit = rlimit(rlim_cur: rlim_t(Int(highest) + 1 + spareCount), rlim_max: 1024)
            #expect(setrlimit(__rlimit_resource_t(7), &limit) == 0)
            for _ in 0..<20 {
                expectRefusal(.resources, saying: "HANDFAST_RAISE_DESCRIPTORS") { try Meeting(first, second).run() }
            }
            limit.rlim_cur = 1024
            #expect(setrlimit(__rlimit_resource_t(7), &limit) == 0)
            try Meeting(first, second).run()
            // The runtime may have opened a timer or two; a leak would show with every attempt.
            #expect((0..<1024).count { fcntl($0, F_GETFD) >= 0 } < highest + 10)
        }
    }
}
