import Glibc

/// The lines that come by a descriptor.
package struct LineInput {
    private let descriptor: Int32
    private var bytes: [UInt8] = []
    private var lines: ArraySlice<String> = []
    package private(set) var hasEnded = false

    package init(descriptor: Int32) { self.descriptor = descriptor }

    /// Reads what is there, and waits that long for it at most.
    /// - Returns: whether there is a line, or none will come.
    package mutating func fill(milliseconds: Int32) -> Bool {
        guard lines.isEmpty, !hasEnded else { return true }
        var ready = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        guard poll(&ready, 1, milliseconds) > 0 else { return false }
        var buffer = [UInt8](repeating: 0, count: 65_536)
        let count = read(descriptor, &buffer, buffer.count)
        if count > 0 { bytes += buffer.prefix(count) } else { hasEnded = true }
        while let end = bytes.firstIndex(of: UInt8(ascii: "\n")) {
            lines.append(String(decoding: bytes[..<end], as: UTF8.self))
            bytes.removeSubrange(...end)
        }
        return !lines.isEmpty || hasEnded
    }

    package mutating func next() -> String? { lines.popFirst() }
}
