import CSystem
import Glibc

/// The help that the reader of a connection has from the sender, which writes a part of what it reads while it is there.
struct ReadHelp {
    /// What is read at once is half written by the peer at most; longer payloads go in several rounds.
    static let roundByteCount: UInt64 = 2 << 20
    /// What the peer writes at once at most.
    static let offerLimit = roundByteCount / 2
    /// Less is read before the peer has begun.
    private static let usefulByteCount: UInt64 = 28 << 10
    private static let usefulHeapByteCount: UInt64 = 2 << 20
    /// So many ticks, 70 to 270 ms, are left to a peer that has taken an offer and does not answer: it is stopped, or lies.
    private static let patience: UInt64 = 1 << 28
    /// When the connection is closed meanwhile: nothing else goes on until then.
    private static let shortPatience: UInt64 = 1 << 26
    private static let longestInterval: UInt16 = 1_024

    private enum State {
        case idle
        case offered
        /// The peer has taken it and writes. Since when it is waited for.
        case taken(since: UInt64)
        /// It has had its time, and can only go on with what it had begun.
        case revoked(since: UInt64)
        /// No more offers: the peer did not answer one.
        case over
    }

    private let offer: CopyOffer
    private var state = State.idle
    /// Reads that do without, after an offer that nobody took: twice as many each time.
    private var rest: UInt16 = 0
    private var interval: UInt16 = 0

    init(_ offer: CopyOffer) { self.offer = offer }

    /// How much of what is read next the peer should write, at its end. 0 for none.
    mutating func share(_ destination: UnsafeMutableRawPointer, _ byteCount: UInt64, isInHeap: Bool) -> UInt64 {
        guard case .idle = state, byteCount >= (isInHeap ? Self.usefulHeapByteCount : Self.usefulByteCount) else {
            return 0
        }
        guard rest == 0 else {
            rest -= 1
            return 0
        }
        // Less than half, because it begins later; and no page belongs to both.
        let start = UInt64(UInt(bitPattern: destination))
        let middle = (start &+ byteCount / 2) | 4_095
        return start &+ byteCount &- middle &- 1
    }

    mutating func open(_ destination: UnsafeMutableRawPointer, from source: UInt64, byteCount: UInt64) {
        unsafe offer.open(destination, from: source, byteCount: byteCount)
        state = .offered
    }

    /// What became of the offer, which is taken back if it still can be. It is over unless the answer is `underWay`.
    mutating func settle() -> CopyOffer.Answer {
        let answer = offer.settle()
        guard answer == .underWay else {
            interval = answer == .written ? 0 : min(interval * 2 + 1, Self.longestInterval)
            rest = interval
            state = .idle
            return answer
        }
        let now = csystem_ticks()
        switch state {
        case .idle, .offered: state = .taken(since: now)
        case .taken(let since):
            guard Self.isOver(Self.patience, since: since, now: now) else { break }
            offer.revoke()
            state = .revoked(since: now)
        case .revoked(let since):
            guard Self.isOver(Self.patience, since: since, now: now) else { break }
            state = .over
            return .refused
        case .over: return .refused
        }
        return .underWay
    }

    /// Whether so many ticks have passed. Those of another core may lag behind.
    static func isOver(_ ticks: UInt64, since start: UInt64, now: UInt64) -> Bool {
        Int64(bitPattern: now &- start) > Int64(ticks)
    }

    /// Ends an offer, because its memory is about to be somebody else's.
    mutating func abandon() {
        guard case .underWay = offer.settle() else { return state = .idle }
        offer.revoke()
        let start = csystem_ticks()
        while offer.settle() == .underWay, !Self.isOver(Self.shortPatience, since: start, now: csystem_ticks()) {
            sched_yield()
        }
        state = offer.settle() == .underWay ? .over : .idle
    }
}
