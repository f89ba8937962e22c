import Glibc

/// A message that came before its receive. The user header, and the payload as far as it is kept, lie behind it in
/// the same allocation.
struct UnexpectedMessage {
    enum Content {
        /// All of the payload is here.
        case kept
        /// The payload is still coming.
        case arriving
        /// There was no room: the payload waits in the stream, and with it all that comes after.
        case stalled
        /// The payload lies in the peer's memory.
        case remote(address: UInt64, rendezvous: UInt64)
    }

    let connection: UnsafeMutablePointer<ConnectionSlot>
    let userHeaderByteCount: Int
    let payloadByteCount: Int
    /// What it takes of the bound on unexpected bytes.
    let heldByteCount: Int
    var content: Content

    var isWhole: Bool { if case .kept = content { true } else { false } }
    /// It is not whole, and will be when its payload has come, or when there is room for that.
    var isOnItsWay: Bool {
        switch content {
        case .kept, .remote: return false
        case .arriving: return true
        case .stalled:
            guard let endpoint = connection.pointee.endpoint else { return false }
            return payloadByteCount <= endpoint.pointee.unexpectedByteLimitPerConnection - heldByteCount
        }
    }
    /// In credit.
    var cost: Int { Credit.cost(userHeaderByteCount, isRemote ? 0 : payloadByteCount) }
    var isRemote: Bool { if case .remote = content { true } else { false } }

    var next: UnsafeMutablePointer<UnexpectedMessage>?
    var previous: UnsafeMutablePointer<UnexpectedMessage>?
    var nextArrival: UnsafeMutablePointer<UnexpectedMessage>?
    var previousArrival: UnsafeMutablePointer<UnexpectedMessage>?
    /// Of a message that the program took: it is in no list but its connection's of those.
    var handle: UnsafeMutablePointer<MessageSlot>?
}

extension UnsafeMutablePointer<UnexpectedMessage> {
    /// - Parameter keptByteCount: room for payload.
    /// - Returns: nil when there is no memory.
    static func make(
        connection: UnsafeMutablePointer<ConnectionSlot>, userHeader: UnsafeRawBufferPointer, payloadByteCount: Int,
        keptByteCount: Int, content: UnexpectedMessage.Content
    ) -> Self? {
        let byteCount = MemoryLayout<UnexpectedMessage>.stride + userHeader.count + keptByteCount
        guard let memory = connection.pointee.endpoint?.pointee.blocks.take(byteCount) else { return nil }
        let message = memory.bindMemory(to: UnexpectedMessage.self, capacity: 1)
        message.initialize(
            to: UnexpectedMessage(
                connection: connection, userHeaderByteCount: userHeader.count, payloadByteCount: payloadByteCount,
                heldByteCount: byteCount, content: content))
        if let start = userHeader.baseAddress { memcpy(message.userHeader, start, userHeader.count) }
        return message
    }

    var userHeader: UnsafeMutableRawPointer { UnsafeMutableRawPointer(self + 1) }
    var userHeaderBytes: UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(start: userHeader, count: pointee.userHeaderByteCount)
    }
    var payload: UnsafeMutableRawPointer { userHeader + pointee.userHeaderByteCount }

    /// What fits of a payload that is here.
    func copyPayload(to request: UnsafeMutablePointer<RequestSlot>) {
        let room = Swift.min(pointee.payloadByteCount, request.pointee.payloadByteCount)
        if room > 0, let target = request.pointee.payload { memcpy(target, payload, room) }
    }

    /// Gives its memory back to the endpoint that it came to.
    func free(at endpoint: UnsafeMutablePointer<EndpointState>?) {
        endpoint?.pointee.blocks.give(UnsafeMutableRawPointer(self), pointee.heldByteCount)
    }
}

/// Messages of one connection without a receive, oldest first: those that match, or those that the program took.
struct MessageList {
    private(set) var first: UnsafeMutablePointer<UnexpectedMessage>?
    private var last: UnsafeMutablePointer<UnexpectedMessage>?

    /// Of all, in credit.
    var cost: Int {
        var (sum, next) = (0, first)
        while let message = next {
            sum += message.pointee.cost
            next = message.pointee.next
        }
        return sum
    }

    /// Whether the payload of one lies in the peer's memory.
    var hasRemote: Bool {
        var next = first
        while let message = next {
            if message.pointee.isRemote { return true }
            next = message.pointee.next
        }
        return false
    }

    mutating func append(_ message: UnsafeMutablePointer<UnexpectedMessage>) {
        message.pointee.next = nil
        message.pointee.previous = last
        if let last { last.pointee.next = message } else { first = message }
        last = message
    }

    mutating func remove(_ message: UnsafeMutablePointer<UnexpectedMessage>) {
        let (previous, next) = (message.pointee.previous, message.pointee.next)
        if let previous { previous.pointee.next = next } else { first = next }
        if let next { next.pointee.previous = previous } else { last = previous }
    }

    /// Puts another message in the place of one.
    mutating func replace(
        _ message: UnsafeMutablePointer<UnexpectedMessage>, by other: UnsafeMutablePointer<UnexpectedMessage>
    ) {
        let (previous, next) = (message.pointee.previous, message.pointee.next)
        (other.pointee.previous, other.pointee.next) = (previous, next)
        if let previous { previous.pointee.next = other } else { first = other }
        if let next { next.pointee.previous = other } else { last = other }
    }
}

/// The same messages of all connections, in the order of their arrival.
struct ArrivalList {
    private(set) var first: UnsafeMutablePointer<UnexpectedMessage>?
    private var last: UnsafeMutablePointer<UnexpectedMessage>?
    /// How many have ever come into it.
    private(set) var totalCount: UInt64 = 0

    mutating func append(_ message: UnsafeMutablePointer<UnexpectedMessage>) {
        totalCount += 1
        message.pointee.previousArrival = last
        if let last { last.pointee.nextArrival = message } else { first = message }
        last = message
    }

    mutating func remove(_ message: UnsafeMutablePointer<UnexpectedMessage>) {
        let (previous, next) = (message.pointee.previousArrival, message.pointee.nextArrival)
        if let previous { previous.pointee.nextArrival = next } else { first = next }
        if let next { next.pointee.previousArrival = previous } else { last = previous }
    }

    /// Puts another message in the place of one.
    mutating func replace(
        _ message: UnsafeMutablePointer<UnexpectedMessage>, by other: UnsafeMutablePointer<UnexpectedMessage>
    ) {
        let (previous, next) = (message.pointee.previousArrival, message.pointee.nextArrival)
        (other.pointee.previousArrival, other.pointee.nextArrival) = (previous, next)
        if let previous { previous.pointee.nextArrival = other } else { first = other }
        if let next { next.pointee.previousArrival = other } else { last = other }
    }
}
