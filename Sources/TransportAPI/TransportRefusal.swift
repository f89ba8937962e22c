/// Why a transport is not used between two processes: a number for the peer's program, a sentence for its user.
public struct TransportRefusal: Error, Hashable, Sendable {
    /// The numbers that travel; a reader must expect others.
    public struct Code: RawRepresentable, Hashable, Sendable {
        public let rawValue: UInt16
        public init(rawValue: UInt16) { self.rawValue = rawValue }

        /// It cannot work between these two processes (other host, other user, no device).
        public static let unreachable = Code(rawValue: 3)
        /// It should work, but something ran out (memory, descriptors).
        public static let resources = Code(rawValue: 4)
        /// What the peer sent for it makes no sense.
        public static let malformedStep = Code(rawValue: 5)
    }

    public let code: Code
    /// One sentence with the figures and, where there is one, the remedy.
    public let text: String

    public init(_ code: Code, _ text: String) {
        self.code = code
        self.text = text
    }
}
