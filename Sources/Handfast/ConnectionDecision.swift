/// What became of one transport for one connection, and why: the answer to "why is my job slow".
public struct ConnectionDecision: Hashable, Sendable, CustomStringConvertible {
    public enum Outcome: Hashable, Sendable {
        case chosen
        /// A setting or an argument left it out.
        case excluded
        case refusedHere
        case refusedByPeer
        /// An earlier one was agreed on, or the handshake ended first.
        case notTried
    }

    /// The transport's name, or its number when only the peer knows it.
    public let transport: String
    public let outcome: Outcome
    /// One sentence; empty when a peer gave none.
    public let reason: String

    public var description: String {
        switch outcome {
        case .chosen: "\(transport): chosen"
        case .excluded: "\(transport): left out, \(reason)"
        case .refusedHere: "\(transport): refused here, \(reason)"
        case .refusedByPeer: "\(transport): refused by the peer, \(reason.isEmpty ? "which gave no reason" : reason)"
        case .notTried: "\(transport): not tried, \(reason)"
        }
    }
}
