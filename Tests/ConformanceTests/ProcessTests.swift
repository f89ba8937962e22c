import Testing
import TransportPeer
import TransportTesting

@Suite struct `Two processes, over any transport` {
    @Test(arguments: transportsUnderTest)
    func `exchange bytes and wake each other`(over transport: TransportUnderTest) throws {
        try conformance(transport).exchangesWithAnotherProcess()
    }

    @Test(arguments: transportsUnderTest)
    func `hear of a close after all bytes`(over transport: TransportUnderTest) throws {
        try conformance(transport).hearsOfAProcessThatCloses()
    }

    @Test(arguments: transportsUnderTest)
    func `survive a sender that is killed`(over transport: TransportUnderTest) throws {
        try conformance(transport).survivesASenderThatIsKilled()
    }

    @Test(arguments: transportsUnderTest)
    func `survive a receiver that is killed`(over transport: TransportUnderTest) throws {
        try conformance(transport).survivesAReceiverThatIsKilled()
    }

    @Test(arguments: transportsUnderTest)
    func `survive a kill while bytes are held back`(over transport: TransportUnderTest) throws {
        try conformance(transport).survivesAKillWhileItHoldsBack()
    }

    @Test(arguments: transportsUnderTest)
    func `read memory that exists and no other`(over transport: TransportUnderTest) throws {
        try conformance(transport).readsAnotherProcessesMemory()
    }
}
