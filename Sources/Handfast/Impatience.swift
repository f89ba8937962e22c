/// Receives that have asked for their payload by messages and could read it as well: when nothing comes for a while they
/// read the rest.
///
/// A sender that computes without progress does not keep its receiver waiting.
struct Impatience {
    private struct Wait {
        let request: UnsafeMutablePointer<RequestSlot>
        let generation: UInt64
        /// In a row, that found nothing new from the sender.
        var visitCount = 0
        var deliveryCount: UInt32

        var isOver: Bool {
            request.pointee.generation != generation || request.pointee.isComplete || request.pointee.readAddress == nil
        }
    }

    /// More at once are read without asking.
    private static let limit = 8
    /// An answer takes one or two of the engine's visits, which come quickly meanwhile.
    private static let patience = 32

    private let waits = UnsafeMutablePointer<Wait>.allocate(capacity: limit)
    private var count = 0

    var isEmpty: Bool { count == 0 }

    func deallocate() { waits.deallocate() }

    /// - Returns: false when there are too many.
    mutating func add(_ request: UnsafeMutablePointer<RequestSlot>) -> Bool {
        if count == Self.limit { removeThoseThatAreOver() }
        guard count < Self.limit else { return false }
        let deliveries = request.pointee.connection?.pointee.deliveryCount ?? 0
        (waits + count).initialize(
            to: Wait(request: request, generation: request.pointee.generation, deliveryCount: deliveries))
        count += 1
        return true
    }

    /// Takes one that has waited for long enough.
    /// - Parameter isOver: they cannot wait longer.
    mutating func takeOverdue(isOver: Bool) -> UnsafeMutablePointer<RequestSlot>? {
        var index = 0
        while index < count {
            let wait = waits[index]
            guard wait.isOver || isOver || wait.visitCount >= Self.patience else {
                index += 1
                continue
            }
            remove(at: index)
            if !wait.isOver { return wait.request }
        }
        return nil
    }

    mutating func countVisit() {
        for index in 0..<count where !waits[index].isOver {
            let deliveries = waits[index].request.pointee.connection?.pointee.deliveryCount ?? 0
            waits[index].visitCount = deliveries == waits[index].deliveryCount ? waits[index].visitCount + 1 : 0
            waits[index].deliveryCount = deliveries
        }
    }

    private mutating func removeThoseThatAreOver() {
        for index in (0..<count).reversed() where waits[index].isOver { remove(at: index) }
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
