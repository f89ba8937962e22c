public import Testing
public import TransportAPI

/// A transport that the conformance suite is run over, and what the suite may ask of it.
public struct TransportUnderTest: Sendable, CustomTestStringConvertible {
    public enum Reach: Sendable {
        case otherProcesses
        /// It only joins an endpoint to itself.
        case itself
    }

    public let definition: TransportDefinition
    public let reach: Reach
    /// Names and values that its settings are read from.
    public let environment: [String: String]
    /// It needs something that this host may not have: its refusal skips a rule instead of breaking it.
    public let mayBeMissing: Bool

    public init(
        _ definition: TransportDefinition, reach: Reach = .otherProcesses, environment: [String: String] = [:],
        mayBeMissing: Bool = false
    ) {
        self.definition = definition
        self.reach = reach
        self.environment = environment
        self.mayBeMissing = mayBeMissing
    }

    public var testDescription: String { definition.name }

    func makeTransport() throws -> any Transport {
        try allowingRefusal {
            try definition.make(
                SettingValues(environment: environment, checkedAgainst: definition.settings))
        }
    }

    func makeAttempt(_ role: AttemptRole, of transport: any Transport) throws -> any TransportAttempt {
        let peer = PeerDescription(name: "peer", address: [127, 0, 0, 1], isLocal: true, isSelf: reach == .itself)
        return try allowingRefusal { try transport.makeAttempt(role, with: peer) }
    }

    private func allowingRefusal<Value>(_ body: () throws -> Value) throws -> Value {
        do { return try body() } catch let refusal as TransportRefusal where mayBeMissing {
            throw SkippedRule(reason: refusal.text)
        }
    }
}
