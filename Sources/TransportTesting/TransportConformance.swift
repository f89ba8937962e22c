import TransportAPI

/// The rules that every transport must keep, each a function that reports what is broken to the test that calls it.
public struct TransportConformance {
    let subject: TransportUnderTest
    let peerExecutable: String

    /// - Parameter peerExecutable: a program that calls `PeerProgram.run` with this transport in its list. The rules
    ///   for two processes start it.
    public init(_ subject: TransportUnderTest, peerExecutable: String) {
        self.subject = subject
        self.peerExecutable = peerExecutable
    }

    /// Runs a rule; one that cannot be tried says why.
    func rule(_ name: String = #function, _ body: () throws -> Void) throws {
        do { try body() } catch let skip as SkippedRule {
            print("skipped: \(name) over \(subject.name): \(skip.reason)")
        }
    }

    /// Runs a rule on two endpoints in this process.
    func ruleOnPair(_ name: String = #function, _ body: (TransportPair) throws -> Void) throws {
        try rule(name) {
            let pair = try TransportPair(subject)
            defer { pair.finish() }
            try body(pair)
        }
    }
}
