import Glibc

/// The lines of the standard input, taken without waiting.
struct CommandInput {
    private var bytes: [UInt8] = []
    private(set) var hasEnded = false

    /// The next whole line, as words; nil when there is none yet.
    mutating func next() -> [String]? {
        if !bytes.contains(UInt8(ascii: "\n")) { read() }
        guard let end = bytes.firstIndex(of: UInt8(ascii: "\n")) else { return nil }
        defer { bytes.removeSubrange(...end) }
        return String(decoding: bytes[..<end], as: UTF8.self).split(separator: " ").map(String.init)
    }

    private mutating func read() {
        var ready = pollfd(fd: STDIN_FILENO, events: Int16(POLLIN), revents: 0)
        guard poll(&ready, 1, 0) > 0 else { return }
        var buffer = [UInt8](repeating: 0, count: 65_536)
        let count = Glibc.read(STDIN_FILENO, &buffer, buffer.count)
        if count > 0 { bytes += buffer.prefix(count) } else { hasEnded = true }
    }
}
