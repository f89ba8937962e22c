/// What the other process does with its end of the connection until it is killed or no longer needed.
enum PeerTask: String {
    /// Sends without end, and takes everything.
    case stream
    /// Takes everything.
    case swallow
    /// Takes nothing.
    case refuse
    /// Sends back as many bytes as it gets, and sleeps in between.
    case echo
    /// Sends `finishByteCount` bytes and closes.
    case finish
    /// Names memory to be read.
    case memory

    static let finishByteCount = 5 << 20 + 17
    /// Bytes of the memory that is named.
    static let memoryByteCount = 16 << 20
    static let memorySeed: UInt64 = 31
    /// Of what the parent sends, and of what the other process sends.
    static let parentSeed: UInt64 = 41
    static let peerSeed: UInt64 = 42
    static let streamDescriptor: Int32 = 3
    static let controlDescriptor: Int32 = 4
}
