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
            if unsafe offset == piece.pointee.byte_count {
                unsafe piece += 1
                pieceCount -= 1
                offset = 0
            }
        }
        byteCount -= UInt64(filled)
    }
}
