import Testing
import TransportPeer
import TransportTesting

@Suite struct `A stream of any transport` {
    @Test(arguments: transportsUnderTest) func `brings every size in order`(over transport: TransportUnderTest) throws {
        try conformance(transport).bringsEverySizeInOrder()
    }

    @Test(arguments: transportsUnderTest)
    func `brings both directions at once`(over transport: TransportUnderTest) throws {
        try conformance(transport).bringsBothDirectionsAtOnce()
    }

    @Test(arguments: transportsUnderTest)
    func `brings many small messages`(over transport: TransportUnderTest) throws {
        try conformance(transport).bringsManySmallMessages()
    }

    @Test(arguments: transportsUnderTest)
    func `sends up to sixteen pieces, of which some are empty`(over transport: TransportUnderTest) throws {
        try conformance(transport).sendsUpToSixteenPieces()
    }

    @Test(arguments: transportsUnderTest)
    func `puts bytes where the engine wants them`(over transport: TransportUnderTest) throws {
        try conformance(transport).putsBytesWhereTheEngineWantsThem()
    }

    @Test(arguments: transportsUnderTest)
    func `keeps many connections apart`(over transport: TransportUnderTest) throws {
        try conformance(transport).keepsManyConnectionsApart()
    }
}
