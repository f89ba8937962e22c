import Testing
import TransportPeer
import TransportTesting

@Suite struct `The end of a connection, over any transport` {
    @Test(arguments: transportsUnderTest)
    func `comes after all bytes that were taken`(over transport: TransportUnderTest) throws {
        try conformance(transport).deliversWhatWasTakenBeforeTheClose()
    }

    @Test(arguments: transportsUnderTest)
    func `comes after all bytes though the closer had some unread`(over transport: TransportUnderTest) throws {
        try conformance(transport).deliversWhatWasTakenThoughTheCloserReadsNoMore()
    }

    @Test(arguments: transportsUnderTest)
    func `waits until the engine resumes`(over transport: TransportUnderTest) throws {
        try conformance(transport).holdsTheEndBackUntilTheEngineResumes()
    }

    @Test(arguments: transportsUnderTest)
    func `may come before the other side has opened`(over transport: TransportUnderTest) throws {
        try conformance(transport).opensInEitherOrderAndKeepsWhatWasSentBefore()
    }

    @Test(arguments: transportsUnderTest)
    func `does not touch other connections`(over transport: TransportUnderTest) throws {
        try conformance(transport).goesOnWhenOthersCloseOrGiveUp()
    }
}
