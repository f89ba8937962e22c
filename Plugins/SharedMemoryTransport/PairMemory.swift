import CSystem
import TransportAPI

/// Where things lie in the segment of one connection: four lines of header, then the rings to and from the starter, then
/// the bulk memory of each, which is mapped when it is first used and has pages only while it is in use.
///
/// Line 0 holds the nonces, line 1 the words that only the starter writes, line 2 those of the answerer, line 3 the
/// offers of the starter and of the answerer.
// Safe: all offsets are constants below `byteCount`, for which the maker of the memory vouches.
@safe struct PairMemory {
    static let lineCount = 125
    /// What every connection takes: a whole number of pages.
    static let byteCount = 4 * RingMemory.lineByteCount + 2 * RingMemory.byteCount(lineCount: lineCount)
    static let wholeByteCount = byteCount + 2 * BulkMemory.byteCount

    static func makeSegment() throws(SharedSegment.Failure) -> SharedSegment {
        try SharedSegment.make(byteCount: byteCount, wholeByteCount: wholeByteCount)
    }

    /// In a mapping of the whole: what this side writes to, or reads.
    static func bulkOffset(of role: AttemptRole, isOutgoing: Bool) -> Int {
        byteCount + ((role == .starter) == isOutgoing ? 0 : BulkMemory.byteCount)
    }

    /// The words that one side writes and the other reads.
    @safe struct Words {
        private let start: UnsafeMutablePointer<UInt64>

        fileprivate init(_ start: UnsafeMutableRawPointer) {
            unsafe self.start = start.assumingMemoryBound(to: UInt64.self)
        }

        /// As consumer: not zero when it looks at the ring only after its doorbell has rung.
        var notify: UnsafeMutablePointer<UInt64> { unsafe start }
        /// As producer: not zero when it waits for room.
        var wantsRoom: UnsafeMutablePointer<UInt64> { unsafe start + 1 }
        /// Not zero after its last packet.
        var closed: UnsafeMutablePointer<UInt64> { unsafe start + 2 }
        /// Not zero when it can read the other's own memory: what it found there that it was not told.
        var reads: UnsafeMutablePointer<UInt64> { unsafe start + 3 }
        /// One bit per class of `ReadChoice`: payloads of these sizes it would rather read.
        var wishes: UnsafeMutablePointer<UInt64> { unsafe start + 4 }
        /// 0 without a heap, else one more than the number of its descriptor.
        var heap: UnsafeMutablePointer<UInt64> { unsafe start + 5 }
    }

    let mine: Words
    let peers: Words
    /// What this side offers as a reader, and what the peer does.
    let myOffer: CopyOffer
    let peersOffer: CopyOffer
    /// The rings that this side writes and reads.
    let outgoing: UnsafeMutableRawPointer
    let incoming: UnsafeMutableRawPointer
    private let start: UnsafeMutableRawPointer
    private let role: AttemptRole

    /// - Parameter start: `byteCount` bytes, aligned to a line; outlives this value.
    init(_ start: UnsafeMutableRawPointer, role: AttemptRole) {
        unsafe self.start = start
        self.role = role
        let line = RingMemory.lineByteCount
        let starter = unsafe Words(start + line)
        let answerer = unsafe Words(start + 2 * line)
        let fromStarter = unsafe start + 4 * line
        let fromAnswerer = unsafe fromStarter + RingMemory.byteCount(lineCount: PairMemory.lineCount)
        let offers = unsafe (start + 3 * line).assumingMemoryBound(to: UInt64.self)
        let fromReader = unsafe (CopyOffer(offers), CopyOffer(offers + CopyOffer.wordCount))
        (myOffer, peersOffer) = role == .starter ? fromReader : (fromReader.1, fromReader.0)
        mine = role == .starter ? starter : answerer
        peers = role == .starter ? answerer : starter
        unsafe outgoing = role == .starter ? fromStarter : fromAnswerer
        unsafe incoming = role == .starter ? fromAnswerer : fromStarter
    }

    func writeNonce(_ nonce: Nonce) { unsafe self.nonce(of: role).pointee = nonce }

    func readPeersNonce() -> Nonce { unsafe nonce(of: role == .starter ? .answerer : .starter).pointee }

    private func nonce(of role: AttemptRole) -> UnsafeMutablePointer<Nonce> {
        unsafe (start + (role == .starter ? 0 : Nonce.byteCount)).assumingMemoryBound(to: Nonce.self)
    }
}
