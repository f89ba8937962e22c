/// How large a simulated network is, what its endpoints want, and what goes wrong.
package struct NetworkConditions: Sendable {
    package var endpointCount = 2
    /// Others that each endpoint has something for.
    package var wishCount = 1
    /// Half of the wishes come at the start, at one instant; the others within this time.
    package var wishSpread = Duration.milliseconds(50)
    package var delay = Duration.microseconds(20)...Duration.milliseconds(5)
    /// Nothing goes wrong any more from here on.
    package var faultsEnd = Duration.zero
    // Shares, 0 to 1: of the streams that break, of the connects that are refused or lost, of the attempts at a
    // transport that a side refuses, of the addresses at which nobody or somebody else is, and of the endpoints that
    // speak dialect 0x0200 only.
    package var breakShare = 0.0
    package var refusalShare = 0.0
    package var lossShare = 0.0
    package var transportRefusalShare = 0.0
    package var wrongAddressShare = 0.0
    package var earlierDialectShare = 0.0
    package var crashCount = 0
    /// Accepted streams in unfinished handshakes that an endpoint holds.
    package var pendingHandshakeLimit = 1024

    package init() {}
}
