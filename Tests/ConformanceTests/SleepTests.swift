import Testing
import TransportPeer
import TransportTesting

@Suite struct `A sleeper on any transport` {
    @Test(arguments: transportsUnderTest)
    func `is woken by each arrival`(over transport: TransportUnderTest) throws {
        try conformance(transport).wakesASleeperOnArrival()
    }

    @Test(arguments: transportsUnderTest)
    func `is told of what has come already`(over transport: TransportUnderTest) throws {
        try conformance(transport).doesNotSleepOverWhatHasCome()
    }

    @Test(arguments: transportsUnderTest)
    func `is woken for room and for the end`(over transport: TransportUnderTest) throws {
        try conformance(transport).wakesASleeperForRoomAndForTheEnd()
    }
}
