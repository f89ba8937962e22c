/// A message whose content follows from its sender and its number, so that the receiver can check all of it.
struct Message {
    let sender: String
    let process: Int32
    let sequence: Int

    /// The user header.
    var header: [UInt8] { Array("\(sender) \(process) \(sequence)".utf8) }

    init(sender: String, process: Int32, sequence: Int) {
        (self.sender, self.process, self.sequence) = (sender, process, sequence)
    }

    /// Nil for a header that no sender makes.
    init?(header: UnsafeRawBufferPointer) {
        let words = String(decoding: header, as: UTF8.self).split(separator: " ")
        guard words.count == 3, let process = Int32(words[1]), let sequence = Int(words[2]) else { return nil }
        self.init(sender: String(words[0]), process: process, sequence: sequence)
    }

    static let maximumByteCount = 4_096

    /// Now and then more than an inline message holds.
    var payload: [UInt8] {
        var word = header.reduce(0xcbf2_9ce4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
        return (0..<(1 + Int(word % UInt64(Self.maximumByteCount)))).map { _ in
            word ^= word << 13
            word ^= word >> 7
            word ^= word << 17
            return UInt8(truncatingIfNeeded: word)
        }
    }
}
