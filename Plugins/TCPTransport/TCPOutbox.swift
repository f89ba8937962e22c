import CHandfast
import CSystem

/// Small messages of one channel, in one piece: the system takes that sooner than several, copy included. What is sent after
/// the first few between two polls leaves together: a system call for each would take twenty times as long as the copy.
@unsafe struct TCPOutbox {
    /// Longer messages go out by themselves, in bytes.
    static let messageByteLimit: UInt64 = 4_096
    private static let byteCount = 65_536

    private let memory = UnsafeMutableRawPointer.allocate(byteCount: byteCount, alignment: 64)
    private var start = 0
    private var end = 0
    /// Whose bytes they are; nil when there are none.
    private(set) var owner: TCPChannel.Pointer?

    var bytes: UnsafeRawBufferPointer { unsafe UnsafeRawBufferPointer(start: memory + start, count: end - start) }

    // Hot path.
    /// - Returns: false when there is no room.
    mutating func append(
        _ pieces: UnsafePointer<hf_piece>, _ count: Int, _ byteCount: Int, of channel: TCPChannel.Pointer
    ) -> Bool {
        guard unsafe byteCount <= Self.byteCount - end else { return false }
        for index in 0..<count {
            let piece = unsafe pieces[index]
            unsafe csystem_copy(memory + end, piece.bytes, piece.byte_count)
            unsafe end += Int(piece.byte_count)
        }
        unsafe owner = channel
        return true
    }

    /// So many of the bytes are out.
    mutating func remove(_ byteCount: Int) {
        unsafe start += byteCount
        if unsafe start == end { unsafe clear() }
    }

    mutating func clear() {
        unsafe (start, end) = (0, 0)
        unsafe owner = nil
    }

    func deallocate() { unsafe memory.deallocate() }
}
