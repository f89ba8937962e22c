/// Where things lie in the memory of a ring: one producer, one consumer, in two processes.
///
/// The first line belongs to the consumer (how many lines it has freed, ever); the lines after it hold packets. A
/// packet is a control word and its bytes in as few 64-byte lines as they need, never wrapped. The control word is
/// written last, and the next packet's control word is cleared before it, so old bytes cannot look like a packet.
enum RingMemory {
    static let lineByteCount = 64
    static let controlByteCount = 8
    /// A packet of so many bytes takes one line.
    static let oneLineByteCount = lineByteCount - controlByteCount
    /// A control word of this value says: go on at the first line.
    static let wrapMark: UInt64 = .max
    /// A control word with this bit says: so many bytes and one are in the next slot of bulk memory.
    static let slotMark: UInt64 = 1 << 32
    /// A control word of this value stands for no packet: it says that there is a `CopyOffer`.
    static let offerMark: UInt64 = 1 << 33

    /// A line so far ahead arrives while the packets before it are delivered.
    static let fetchDistance = 4

    /// So many bytes of a packet are fetched as soon as its size is known.
    static let fetchLimit = 2048

    /// A packet of so few lines is fetched together with its control word, while it is waited for.
    static let expectedLineLimit = 4

    /// Bytes to map for a ring of so many lines.
    static func byteCount(lineCount: Int) -> Int { (lineCount + 1) * lineByteCount }

    /// Lines that a packet of so many bytes takes.
    static func lineCount(forPacketOf byteCount: Int) -> Int {
        (controlByteCount + byteCount + lineByteCount - 1) / lineByteCount
    }

    /// The longest packet, in bytes. It may have to skip almost as many lines as it takes, and needs one line more
    /// for the next control word: so an empty ring has room for it wherever the producer stands.
    static func maximumPacketByteCount(lineCount: Int) -> Int {
        (lineCount - 1) / 2 * lineByteCount - controlByteCount
    }
}
