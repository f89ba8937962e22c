extension String {
    /// Writes what fits of it, whole characters, and a zero.
    package func write(to room: UnsafeMutableRawBufferPointer) {
        guard !room.isEmpty else { return }
        var text = self
        text.withUTF8 { bytes in
            var count = min(bytes.count, room.count - 1)
            // Not between the bytes of a character.
            while count > 0, count < bytes.count, bytes[count] & 0xc0 == 0x80 { count -= 1 }
            room.copyBytes(from: bytes[..<count])
            room[count] = 0
        }
    }
}
