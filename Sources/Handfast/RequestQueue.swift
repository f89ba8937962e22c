/// Requests in order, linked through their slots: nothing is allocated to queue one or to take one out.
struct RequestQueue {
    private(set) var first: UnsafeMutablePointer<RequestSlot>?
    private var last: UnsafeMutablePointer<RequestSlot>?

    var isEmpty: Bool { first == nil }

    // Hot path.
    mutating func append(_ request: UnsafeMutablePointer<RequestSlot>) {
        request.pointee.next = nil
        request.pointee.previous = last
        if let last { last.pointee.next = request } else { first = request }
        last = request
    }

    /// - Parameter other: one of the queue; nil for before the first.
    mutating func insert(
        _ request: UnsafeMutablePointer<RequestSlot>, after other: UnsafeMutablePointer<RequestSlot>?
    ) {
        guard let next = other.map({ $0.pointee.next }) ?? first else { return append(request) }
        (request.pointee.previous, request.pointee.next) = (other, next)
        next.pointee.previous = request
        if let other { other.pointee.next = request } else { first = request }
    }

    // Hot path.
    mutating func remove(_ request: UnsafeMutablePointer<RequestSlot>) {
        let (previous, next) = (request.pointee.previous, request.pointee.next)
        if let previous { previous.pointee.next = next } else { first = next }
        if let next { next.pointee.previous = previous } else { last = previous }
        request.pointee.next = nil
        request.pointee.previous = nil
    }

    mutating func removeFirst() -> UnsafeMutablePointer<RequestSlot>? {
        guard let request = first else { return nil }
        remove(request)
        return request
    }
}
