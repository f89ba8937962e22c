/// What one connection has of one-sided operations, on both of its sides: raw, and there from the first one on.
struct OneSided {
    /// Parts of operations that one side may have sent without an answer. More is a violation, so that what a peer asks
    /// for is bounded; and nobody holds a stream for it, so that two who ask much of each other cannot block one another.
    static let partLimit = 64
    /// Short enough that others get their turn, in bytes.
    static let partByteCount = 256 << 10
    /// Of all parts without an answer, unless there is only one.
    static let byteLimit = 1 << 20
    /// The same two for parts that are read from memory, which do not fill the stream.
    static let readPartByteCount = 1 << 20
    static let readByteLimit = 4 << 20

    // This side asks.

    /// Operations and flushes in the order of the calls.
    var operations = RequestQueue()
    /// The first operation that is not issued whole.
    var nextToIssue: UnsafeMutablePointer<RequestSlot>?
    /// Parts that are out.
    var awaitingAnswer = RequestQueue()
    /// Parts that are issued and not finished, and their bytes.
    var partCount = 0
    var byteCount = 0
    var lastNumber: UInt32 = 0
    /// The part of a get whose bytes the stream brings.
    var arriving: UnsafeMutablePointer<RequestSlot>?
    /// A read of the peer's memory has failed.
    var cannotRead = false

    // The peer asks.

    /// Answers that are not out.
    var answerCount = 0
    /// Memory that the peer reads by itself.
    var holds = RequestQueue()
    var holdCount = 0
    /// The put whose bytes are on their way, or whose notification waits for room.
    var put: IncomingPut?
    var isWaitingForRoom = false
    /// The transport has been asked to read and has not returned yet.
    var isBeginningRead = false
    /// The put whose bytes are passed over.
    var refusal: Refusal?
    /// Of connections that wait for room for a notification.
    var nextWaiting: UnsafeMutablePointer<ConnectionSlot>?

    struct Refusal {
        let number: UInt32
        let status: OperationStatus
    }

    struct IncomingPut {
        let number: UInt32
        let region: UnsafeMutablePointer<RegionSlot>
        let notification: UInt64?
    }
}

/// What an answer says of an operation.
enum OperationStatus: UInt32 {
    case done = 0
    case unknownMemory = 1
    case outOfBounds = 2
    case notPermitted = 3
    case misaligned = 4
    case unsupported = 5
    case readFailed = 6

    var error: HandfastError {
        switch self {
        case .done, .unsupported:
            HandfastError(.unsupported, "the peer does not know this kind of operation")
        case .unknownMemory:
            HandfastError(.stale, "the peer has no memory of this key, or has deregistered it")
        case .outOfBounds:
            HandfastError(.invalidArgument, "the operation reaches beyond the peer's memory")
        case .notPermitted:
            HandfastError(.rejected, "the peer's memory is not registered for this operation")
        case .readFailed:
            HandfastError(.system, "the peer could not read the bytes from this process's memory")
        case .misaligned:
            HandfastError(.invalidArgument, "an atomic operation needs an address that is a multiple of its width")
        }
    }
}

/// Of an atomic operation.
enum AtomicCode: UInt8 {
    case add = 0
    case swap = 1
    case compareAndSwap = 2
}

extension UnsafeMutablePointer<ConnectionSlot> {
    var hasOperations: Bool { pointee.oneSided?.pointee.operations.isEmpty == false }

    func makeOneSided() -> UnsafeMutablePointer<OneSided> {
        if let oneSided = pointee.oneSided { return oneSided }
        let oneSided = UnsafeMutablePointer<OneSided>.allocate(capacity: 1)
        oneSided.initialize(to: OneSided())
        pointee.oneSided = oneSided
        return oneSided
    }

    /// The connection is over: its operations end, and nothing of it holds on to memory any more. What is in other
    /// queues has been dropped before.
    func dropOneSided(_ reason: EndReason) {
        guard let oneSided = pointee.oneSided else { return }
        while let operation = oneSided.pointee.operations.removeFirst() { operation.fail(reason) }
        while let part = oneSided.pointee.awaitingAnswer.removeFirst() { part.fail(reason) }
        oneSided.pointee.arriving?.fail(reason)
        while let hold = oneSided.pointee.holds.removeFirst() { hold.fail(reason) }
        oneSided.pointee.put?.region.release()
        pointee.endpoint?.removeWaiting(self)
        oneSided.deallocate()
        pointee.oneSided = nil
    }
}
