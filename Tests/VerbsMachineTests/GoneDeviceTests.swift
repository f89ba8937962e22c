import CSystem
import CVerbs
import Glibc
import Testing
import TransportAPI

@testable import VerbsTransport

extension `Over verbs in the virtual machine` {
    /// The kernel does not take a device of software away that somebody uses, so this says what it would say.
    @Suite(.serialized) struct `a device that is gone` {
        @Test func `ends its connections, wakes nobody any more, and is opened anew`() throws {
            let pair = try RawPair()
            let engine = ToldEngine()
            let channels = try pair.connect(engine)
            let (device, transport) = (pair.victimDevice, pair.victim)
            VerbsState.lose(device, "fatal error")
            try pair.run("the news") { engine.lost.count == 1 }
            #expect(engine.lost.first?.error == ENODEV)
            #expect(engine.lost.first?.reason.hasSuffix(": the device is gone (fatal error)") == true)
            for descriptor in [
                cverbs_completion_descriptor(device.pointee.handle), cverbs_event_descriptor(device.pointee.handle),
            ] {
                #expect(csystem_epoll_remove(transport.descriptor, descriptor) == -ENOENT)
            }
            let refusal = #expect(throws: TransportRefusal.self) { try transport.device(named: "rxe0") }
            #expect(
                refusal?.text == "the RDMA device rxe0 is gone, and some of its connections are still open")

            try pair.close(channels)
            let other = try transport.device(named: "rxe0")
            #expect(other != device && transport.raw.pointee.deviceCount == 1)
            #expect(try transport.device(named: "rxe0") == other)
            try pair.findRoutes()
            let next = try pair.connect(engine)
            _ = send([1, 2, 3], over: next.attacker)
            try pair.run("what is sent") { engine.has([1, 2, 3]) }
            try pair.close(next)
        }
    }
}
