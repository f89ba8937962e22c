public import Testing
public import TransportAPI

/// A transport that the conformance suite is run over, and what the suite may ask of it.
public struct TransportUnderTest: Sendable, CustomTestStringConvertible {
    public enum Reach: Sendable {
        case otherProcesses
        /// It only joins an endpoint to itself.
        case itself
    }

    /// The two ends of a connection: this process, and the other one where there are two.
    public enum Side: Sendable { case near, far }

    public let definition: TransportDefinition
    /// By which tests name it, and the other process finds it: that of the transport, unless it is under test in several ways.
    public let name: String
    public let reach: Reach
    /// Names and values that its settings are read from.
    public let environment: [String: String]
    /// Where each side's peer is, as IP addresses of 4 or 16 bytes.
    private let peerOfNear: [UInt8]
    private let peerOfFar: [UInt8]
    /// What the other process needs in its environment to make the same list, `NAME=VALUE`.
    let peerVariables: [String]
    /// It needs something that this host may not have: its refusal skips a rule instead of breaking it.
    public let mayBeMissing: Bool

    /// - Parameters:
    ///   - name: nil for the transport's.
    ///   - peerOfNear: the IP address by which this side knows the other, of 4 or 16 bytes.
    ///   - peerOfFar: the same for the other side.
    ///   - peerVariables: the environment of the other process, `NAME=VALUE`.
    public init(
        _ definition: TransportDefinition, name: String? = nil, reach: Reach = .otherProcesses,
        environment: [String: String] = [:],
        mayBeMissing: Bool = false, peerOfNear: [UInt8] = [127, 0, 0, 1], peerOfFar: [UInt8] = [127, 0, 0, 1],
        peerVariables: [String] = []
    ) {
        self.definition = definition
        self.name = name ?? definition.name
        self.reach = reach
        self.environment = environment
        self.mayBeMissing = mayBeMissing
        (self.peerOfNear, self.peerOfFar) = (peerOfNear, peerOfFar)
        self.peerVariables = peerVariables
    }

    public var testDescription: String { name }

    func makeTransport() throws -> any Transport {
        try allowingRefusal {
            try definition.make(
                SettingValues(environment: environment, checkedAgainst: definition.settings))
        }
    }

    func makeAttempt(
        _ role: AttemptRole, of transport: any Transport, at side: Side
    ) throws -> any TransportAttempt {
        let address = side == .near ? peerOfNear : peerOfFar
        let peer = PeerDescription(name: "peer", address: address, isLocal: true, isSelf: reach == .itself)
        return try allowingRefusal { try transport.makeAttempt(role, with: peer) }
    }

    private func allowingRefusal<Value>(_ body: () throws -> Value) throws -> Value {
        do { return try body() } catch let refusal as TransportRefusal where mayBeMissing {
            throw SkippedRule(reason: refusal.text)
        }
    }
}
