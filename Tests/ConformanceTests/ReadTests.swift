import Testing
import TransportPeer
import TransportTesting

@Suite struct `A read, over any transport that has it` {
    @Test(arguments: transportsUnderTest)
    func `brings the memory that was named`(over transport: TransportUnderTest) throws {
        try conformance(transport).readsThePeersMemory()
    }

    @Test(arguments: transportsUnderTest)
    func `may be long, and one of many`(over transport: TransportUnderTest) throws {
        try conformance(transport).readsLongMemoryInSeveralPollsAndManyAtOnce()
    }

    @Test(arguments: transportsUnderTest)
    func `ends with its connection`(over transport: TransportUnderTest) throws {
        try conformance(transport).endsReadsWithTheConnection()
    }
}
