import Testing
import TransportPeer
import TransportTesting

@Suite struct `Memory of a transport, over any transport that has it` {
    @Test(arguments: transportsUnderTest)
    func `is read by peers, and given anew when it was given back`(over transport: TransportUnderTest) throws {
        try conformance(transport).givesMemoryThatPeersReadAndTakesItBack()
    }

    @Test(arguments: transportsUnderTest)
    func `outlives the channels`(over transport: TransportUnderTest) throws {
        try conformance(transport).givesMemoryThatOutlivesItsChannels()
    }
}
