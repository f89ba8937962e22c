// Messages that nobody has received are looked at, or taken, in the order in which they came. A message that a posted
// receive has matched is not among them.

extension Endpoint {
    // Hot path.
    /// Looks for a message with a tag that no receive has matched, and leaves it where it is.
    /// - Parameters:
    ///   - header: gets what fits of the user header.
    ///   - connection: nil for any.
    ///   - tag: what the message's tag must be, in the bits of the mask; see `receive(into:header:from:tag:mask:)`.
    ///   - mask: the bits that count; none takes any message.
    ///   - timeout: zero looks once, without progress; else progress is made until one is there; nil for no limit.
    /// - Returns: the oldest; nil when there is none in time.
    /// - Throws: `stale`, or the error by which the connection ended, when no such message is there and none will come.
    public func probe(
        header: UnsafeMutableRawBufferPointer? = nil, from connection: Connection? = nil, tag: UInt64,
        mask: UInt64 = .max, timeout: Duration? = .zero
    ) throws(HandfastError) -> MessageInfo? {
        try find(from: connection, timeout) { $0.hasTag(tag, mask) }?.info(header: header)
    }

    /// The same for a message that fits a predicate.
    /// - Parameter predicate: says whether a message with this user header and connection is meant. It must not call back
    ///   into the library. Nil takes any message.
    public func probe(
        header: UnsafeMutableRawBufferPointer? = nil, from connection: Connection? = nil, timeout: Duration? = .zero,
        where predicate: ((UnsafeRawBufferPointer, Connection) -> Bool)? = nil
    ) throws(HandfastError) -> MessageInfo? {
        try find(from: connection, timeout, looksAlways: predicate != nil) { $0.fits(predicate) }?.info(header: header)
    }

    /// Takes a message with a tag, so that nothing else can match it any more; it is received later, or dropped.
    ///
    /// The parameters are those of `probe(header:from:tag:mask:timeout:)`.
    /// - Throws: as `probe`, and `resources`.
    public func takeMessage(
        from connection: Connection? = nil, tag: UInt64, mask: UInt64 = .max, timeout: Duration? = .zero
    ) throws(HandfastError) -> Message? {
        try take(try find(from: connection, timeout) { $0.hasTag(tag, mask) })
    }

    /// The same for a message that fits a predicate, as in `probe(header:from:timeout:where:)`.
    public func takeMessage(
        from connection: Connection? = nil, timeout: Duration? = .zero,
        where predicate: ((UnsafeRawBufferPointer, Connection) -> Bool)? = nil
    ) throws(HandfastError) -> Message? {
        try take(try find(from: connection, timeout, looksAlways: predicate != nil) { $0.fits(predicate) })
    }

    private func take(_ found: UnsafeMutablePointer<UnexpectedMessage>?) throws(HandfastError) -> Message? {
        guard let found else { return nil }
        guard let handle = state.take(found) else { throw .tooManyMessages }
        return Message(handle)
    }

    // Hot path.
    /// - Parameter looksAlways: what is meant may change without an arrival, by whatever a predicate of the program's
    ///   looks at.
    func find(
        from connection: Connection?, _ timeout: Duration?, looksAlways: Bool = false,
        where isMeant: (UnsafeMutablePointer<UnexpectedMessage>) -> Bool
    ) throws(HandfastError) -> UnsafeMutablePointer<UnexpectedMessage>? {
        var seen = arrivalCount
        var found = try findNow(from: connection, where: isMeant)
        guard found == nil, timeout != .zero else { return found }
        var failure: HandfastError?
        _ = wait(timeout: timeout) {
            guard looksAlways || hasNews(from: connection, since: &seen) else { return false }
            do throws(HandfastError) {
                found = try findNow(from: connection, where: isMeant)
            } catch { failure = error }
            return found != nil || failure != nil
        }
        if let failure { throw failure }
        return found
    }

    /// Messages without a receive that have ever come.
    package var arrivalCount: UInt64 { state.pointee.arrivals.totalCount }

    // Hot path.
    /// Whether a search by tag that has found nothing may find something: to look at every message takes its time.
    /// - Parameter seen: the `arrivalCount` before that search; afterwards that of now.
    package func hasNews(from connection: Connection?, since seen: inout UInt64) -> Bool {
        guard arrivalCount == seen else {
            seen = arrivalCount
            return true
        }
        guard let connection else { return false }
        return connection.isStale || endReason(of: connection) != nil
    }

    // Hot path.
    private func findNow(
        from connection: Connection?, where isMeant: (UnsafeMutablePointer<UnexpectedMessage>) -> Bool
    ) throws(HandfastError) -> UnsafeMutablePointer<UnexpectedMessage>? {
        if let connection { try checkOwner(of: connection) }
        var message = connection.map { $0.slot.pointee.unexpected.first } ?? state.pointee.arrivals.first
        while let candidate = message {
            if isMeant(candidate) { return candidate }
            message = connection == nil ? candidate.pointee.nextArrival : candidate.pointee.next
        }
        if let connection, let reason = endReason(of: connection) { throw reason }
        return nil
    }
}

extension UnsafeMutablePointer<UnexpectedMessage> {
    // Hot path.
    fileprivate func hasTag(_ tag: UInt64, _ mask: UInt64) -> Bool {
        mask == 0 || (MessageTag.read(userHeaderBytes) ^ tag) & mask == 0
    }

    fileprivate func fits(_ predicate: ((UnsafeRawBufferPointer, Connection) -> Bool)?) -> Bool {
        predicate?(userHeaderBytes, Connection(pointee.connection)) ?? true
    }

    fileprivate func info(header: UnsafeMutableRawBufferPointer?) -> MessageInfo {
        info(header: header, from: Connection(pointee.connection))
    }
}
