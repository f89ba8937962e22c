import TransportTesting

// The other process of the rules for two processes; the tests start it.
PeerProgram.run(transportsUnderTest)
