import Testing
import TransportPeer
import TransportTesting

@Suite struct `A slow receiver, over any transport` {
    @Test(arguments: transportsUnderTest)
    func `stops the sender, and nothing is lost`(over transport: TransportUnderTest) throws {
        try conformance(transport).stopsTheSenderAndLosesNothing()
    }

    @Test(arguments: transportsUnderTest)
    func `loses nothing when it takes little at a time`(over transport: TransportUnderTest) throws {
        try conformance(transport).losesNothingWhenTheReceiverTakesLittle()
    }

    @Test(arguments: transportsUnderTest)
    func `lets the sender know when there is room again`(over transport: TransportUnderTest) throws {
        try conformance(transport).saysWhenThereIsRoomAgain()
    }
}
