import CHandfast
import CSystem

/// A place in a list of pieces: what is before it has been copied.
// Safe: it lives within the call that the pieces are borrowed for, and counts what it copies.
@safe struct PieceCursor {
    private var piece: UnsafePointer<hf_piece>
    private var pieceCount: Int
    private var offset: UInt64 = 0
    /// Bytes not yet copied.
    private(set) var byteCount: UInt64

    /// - Parameter byteCount: of all pieces together.
    init(_ pieces: UnsafePointer<hf_piece>, count: Int, byteCount: UInt64) {
        unsafe piece = pieces
        pieceCount = count
        self.byteCount = byteCount
        stepOver()
    }

    /// What is left of the piece at which it stands, which may be nothing.
    var run: UnsafeRawBufferPointer {
        guard pieceCount > 0 else { return unsafe UnsafeRawBufferPointer(start: nil, count: 0) }
        let rest = unsafe Int(clamping: piece.pointee.byte_count - offset)
        return unsafe UnsafeRawBufferPointer(start: piece.pointee.bytes.map { unsafe $0 + Int(offset) }, count: rest)
    }

    /// Bytes before the first piece, from here on, that is as long as this.
    func byteCount(beforeRunOf length: Int) -> Int {
        guard unsafe run.count < length else { return 0 }
        var sum = unsafe run.count
        for index in 1..<max(1, pieceCount) {
            let count = unsafe Int(clamping: piece[index].byte_count)
            if count >= length { break }
            sum += count
        }
        return sum
    }

    /// What comes next has been copied, of one piece.
    mutating func skip(_ count: Int) {
        offset += UInt64(count)
        byteCount -= UInt64(count)
        stepOver()
    }

    private mutating func stepOver() {
        while pieceCount > 0, unsafe offset == piece.pointee.byte_count {
            unsafe piece += 1
            pieceCount -= 1
            offset = 0
        }
    }

    /// Copies exactly as many bytes as the target holds, which must not be more than are left.
    mutating func move(to target: UnsafeMutableRawBufferPointer) {
        var filled = 0
        while filled < target.count, pieceCount > 0 {
            let count = unsafe min(Int(clamping: piece.pointee.byte_count - offset), target.count - filled)
            if count > 0 {
                unsafe csystem_copy(
                    target.baseAddress! + filled, piece.pointee.bytes + Int(offset), UInt64(count))
            }
            filled += count
            offset += UInt64(count)
            stepOver()
        }
        byteCount -= UInt64(filled)
    }
}
