import CHandfast
import Glibc

/// A place in a list of pieces: what is before it has been copied.
// Safe: it lives within the call that the pieces are borrowed for, and counts what it copies.
@safe struct PieceCursor {
    private var piece: UnsafePointer<hf_piece>
    private var pieceCount: Int
    private var offset: UInt64 = 0
    /// Bytes not yet copied.
    private(set) var byteCount: UInt64 = 0

    init(_ pieces: UnsafePointer<hf_piece>, count: Int) {
        unsafe piece = unsafe pieces
        pieceCount = count
        for index in 0..<count { unsafe byteCount += pieces[index].byte_count }
    }

    // Hot path.
    /// Copies exactly as many bytes as the target holds, which must not be more than are left.
    mutating func move(to target: UnsafeMutableRawBufferPointer) {
        var filled = 0
        while filled < target.count, pieceCount > 0 {
            let count = unsafe min(Int(clamping: piece.pointee.byte_count - offset), target.count - filled)
            if count > 0 { unsafe memcpy(target.baseAddress! + filled, piece.pointee.bytes + Int(offset), count) }
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
