/// Which transports may be tried with one peer, and why not the others.
public struct TransportChoice: Hashable, Sendable {
    /// A transport that is left out, with the reason for a person.
    public struct Exclusion: Hashable, Sendable {
        public let name: String
        /// Names the variable or the argument, and its text or the rule in it.
        public let reason: String
    }

    /// In the order in which they are tried; empty when none is left.
    public let names: [String]
    /// All other known transports, in the order of their definitions.
    public let excluded: [Exclusion]
}
