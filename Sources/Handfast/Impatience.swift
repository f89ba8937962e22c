/// Receives that have asked for their payload by messages and could read it as well: who gets no answer soon reads.
///
/// A sender that computes for a while without progress does not keep its receiver waiting.
struct Impatience {
    /// One that is not answered yet.
    private struct Wait {
        let request: UnsafeMutablePointer<RequestSlot>
        let generation: UInt64
        var visitCount = 0
    }

    /// More at once are read without asking.
    private static let limit = 8
    /// An answer takes one or two of the engine's visits.
    private static let patience = 4

    private let waits = UnsafeMutablePointer<Wait>.allocate(capacity: limit)
    private var count = 0

    var isEmpty: Bool { count == 0 }

    func deallocate() { waits.deallocate() }

    /// - Returns: false when there are too many.
    mutating func add(_ request: UnsafeMutablePointer<RequestSlot>) -> Bool {
        guard count < Self.limit else { return false }
        (waits + count).initialize(to: Wait(request: request, generation: request.pointee.generation))
        count += 1
        return true
    }

    mutating func remove(_ request: UnsafeMutablePointer<RequestSlot>) {
        guard let index = (0..<count).first(where: { waits[$0].request == request }) else { return }
        remove(at: index)
    }

    /// Takes one that has waited for long enough.
    /// - Parameter isOver: they cannot wait longer.
    mutating func takeOverdue(isOver: Bool) -> UnsafeMutablePointer<RequestSlot>? {
        var index = 0
        while index < count {
            let wait = waits[index]
            // Its connection may have ended meanwhile.
            let isWaiting = wait.request.pointee.generation == wait.generation && !wait.request.pointee.isComplete
            guard !isWaiting || isOver || wait.visitCount >= Self.patience else {
                index += 1
                continue
            }
            remove(at: index)
            if isWaiting { return wait.request }
        }
        return nil
    }

    mutating func countVisit() {
        for index in 0..<count { waits[index].visitCount += 1 }
    }

    private mutating func remove(at index: Int) {
        count -= 1
        waits[index] = waits[count]
    }
}

extension UnsafeMutablePointer<EndpointState> {
    /// The first of the visits that an answer is given; those after it come quickly.
    private static var callsUntilVisit: Int { 32 }

    /// Whether a receive may wait for an answer; then it is looked after.
    func mayAsk(_ request: UnsafeMutablePointer<RequestSlot>) -> Bool {
        guard pointee.impatience.add(request) else { return false }
        pointee.callsUntilSlowPart = Swift.min(pointee.callsUntilSlowPart, Self.callsUntilVisit)
        return true
    }

    /// Reads what was asked for in vain.
    /// - Parameter isOver: the thread is about to sleep.
    /// - Returns: how many it read.
    func readOverdue(isOver: Bool) -> Int {
        var done = 0
        pointee.impatience.countVisit()
        while let request = pointee.impatience.takeOverdue(isOver: isOver) {
            request.pointee.connection?.readInstead(request)
            done += 1
        }
        return done
    }
}
