import Testing
import TransportAPI

@testable import VerbsTransport

extension `Over verbs in the virtual machine` {
    @Suite(.serialized) struct `a path` {
        @Test(arguments: [false, true]) func `works when its largest packets come through`(isNarrow: Bool) throws {
            try Guest.run("ip link set v0 mtu 4500; ip link set v1 mtu 4500")
            defer { _ = try? Guest.run("ip link set v0 mtu 1500; ip link set v1 mtu 1500") }
            let pair = try RawPair()
            let (near, far) = try pair.makeHalves()
            #expect(near.offer.mtuByteCount == 4096 && far.offer.mtuByteCount == 4096)
            // As a switch would be that neither knows of: what is larger is gone.
            if isNarrow { try Guest.run("ip link set v1 mtu 1500") }
            try near.readProof(far.offer)
            var refusal: TransportRefusal?
            try pair.run("an end of the proof") {
                do throws(TransportRefusal) { return try near.checkProof(far.offer) } catch {
                    refusal = error
                    return true
                }
            }
            #expect((refusal != nil) == isNarrow, "\(refusal?.text ?? "it works")")
        }
    }
}
