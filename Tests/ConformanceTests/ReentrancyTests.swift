import Testing
import TransportPeer
import TransportTesting

@Suite struct `An engine, called by any transport` {
    @Test(arguments: transportsUnderTest)
    func `may send from within a delivery`(over transport: TransportUnderTest) throws {
        try conformance(transport).letsTheEngineSendFromWithinADelivery()
    }

    @Test(arguments: transportsUnderTest)
    func `may send when it hears of room`(over transport: TransportUnderTest) throws {
        try conformance(transport).letsTheEngineSendWhenThereIsRoom()
    }

    @Test(arguments: transportsUnderTest)
    func `may close from within any call`(over transport: TransportUnderTest) throws {
        try conformance(transport).letsTheEngineCloseFromWithinAnyCall()
    }

    @Test(arguments: transportsUnderTest)
    func `may close when it resumes`(over transport: TransportUnderTest) throws {
        try conformance(transport).letsTheEngineCloseWhenItResumes()
    }

    @Test(arguments: transportsUnderTest)
    func `may close other connections`(over transport: TransportUnderTest) throws {
        try conformance(transport).letsTheEngineCloseOtherConnections()
    }

    @Test(arguments: transportsUnderTest)
    func `may resume from within a call`(over transport: TransportUnderTest) throws {
        try conformance(transport).letsTheEngineResumeFromWithinACall()
    }
}
