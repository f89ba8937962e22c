/// The pieces of payloads that this side has asked its peer for by messages and that have not come yet: raw, one for a
/// connection that ever asked.
struct Pulls {
    struct Piece {
        let number: UInt64
        /// Nil when its bytes are not wanted any more.
        var request: UnsafeMutablePointer<RequestSlot>?
        let offset: Int
        let byteCount: Int
    }

    /// Short enough that others get their turn, long enough that asking costs little, in bytes.
    static let pieceByteCount = 1 << 20
    /// Of the first piece of a payload that could be read as well: it shows whether the sender is there.
    static let firstPieceByteCount = 64 << 10
    /// So many are on their way at once: the memory that a peer's answers wait in is bounded, and the stream is busy.
    static let pieceLimit = 2

    private let pieces: UnsafeMutablePointer<Piece>
    private(set) var count = 0
    private var lastNumber: UInt64 = 0
    /// Whose bytes the stream brings.
    var arriving: Piece?

    private init() { pieces = .allocate(capacity: Self.pieceLimit) }

    static func make() -> UnsafeMutablePointer<Pulls> {
        let pulls = UnsafeMutablePointer<Pulls>.allocate(capacity: 1)
        pulls.initialize(to: Pulls())
        return pulls
    }

    static func destroy(_ pulls: UnsafeMutablePointer<Pulls>) {
        pulls.pointee.pieces.deallocate()
        pulls.deallocate()
    }

    /// - Precondition: fewer than the limit are there.
    mutating func add(_ request: UnsafeMutablePointer<RequestSlot>, offset: Int, byteCount: Int) -> Piece {
        precondition(count < Self.pieceLimit)
        lastNumber += 1
        let piece = Piece(number: lastNumber, request: request, offset: offset, byteCount: byteCount)
        (pieces + count).initialize(to: piece)
        count += 1
        return piece
    }

    /// What still comes for a request is dropped.
    /// - Returns: where the first of its pieces begins that was not here yet; nil when all that were asked for are.
    mutating func forget(_ request: UnsafeMutablePointer<RequestSlot>) -> Int? {
        var first: Int?
        if let piece = arriving, piece.request == request {
            first = piece.offset
            arriving?.request = nil
        }
        for index in 0..<count where pieces[index].request == request {
            first = min(first ?? .max, pieces[index].offset)
            pieces[index].request = nil
        }
        return first
    }

    /// Nil for a number that was not asked for, or was answered.
    mutating func take(_ number: UInt64) -> Piece? {
        guard let index = (0..<count).first(where: { pieces[$0].number == number }) else { return nil }
        let piece = pieces[index]
        count -= 1
        for later in index..<count { pieces[later] = pieces[later + 1] }
        return piece
    }
}
