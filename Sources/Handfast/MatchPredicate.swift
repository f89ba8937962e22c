/// A Swift closure as the matching of the data path can call it.
private final class MatchPredicate {
    let accepts: (UnsafeRawBufferPointer, Connection) -> Bool
    init(_ accepts: @escaping (UnsafeRawBufferPointer, Connection) -> Bool) { self.accepts = accepts }
}

extension UnsafeMutablePointer<RequestSlot> {
    /// The slot keeps the closure until the request is complete.
    func setPredicate(_ accepts: @escaping (UnsafeRawBufferPointer, Connection) -> Bool) {
        pointee.match = matchByPredicate
        pointee.matchContext = Unmanaged.passRetained(MatchPredicate(accepts)).toOpaque()
        pointee.ownsMatchContext = true
    }

    /// Takes a receive out of its queue, unless a message is on the way into it.
    func cancelReceive() -> Bool {
        guard pointee.isReceive, pointee.isQueued else { return false }
        if let connection = pointee.connection {
            connection.pointee.posted.remove(self)
        } else {
            pointee.endpoint?.pointee.posted.remove(self)
        }
        complete(.cancelled)
        return true
    }
}

private func matchByPredicate(
    _ context: UnsafeMutableRawPointer?, _ connection: UnsafeMutableRawPointer, _ generation: UInt64,
    _ userHeader: UnsafeRawPointer?, _ byteCount: Int
) -> Bool {
    guard let context else { return true }
    let predicate = Unmanaged<MatchPredicate>.fromOpaque(context).takeUnretainedValue()
    let slot = connection.assumingMemoryBound(to: ConnectionSlot.self)
    return predicate.accepts(
        UnsafeRawBufferPointer(start: userHeader, count: byteCount), Connection(slot, generation: generation))
}
