/// What puts have told this endpoint and nobody has taken yet, oldest first.
struct NotificationQueue: ~Copyable {
    /// A connection whose notification finds no room waits with all that it sends.
    static let limit = 4_096

    struct Entry {
        let connection: Connection
        let value: UInt64
    }

    /// Nil until the first.
    private var entries: UnsafeMutablePointer<Entry>?
    private var first = 0
    private(set) var count = 0
    /// Connections that wait for room, the longest first.
    var waiting: UnsafeMutablePointer<ConnectionSlot>?
    var lastWaiting: UnsafeMutablePointer<ConnectionSlot>?

    deinit { entries?.deallocate() }

    /// - Returns: false when there is no room.
    mutating func append(_ entry: Entry) -> Bool {
        guard count < Self.limit else { return false }
        let entries = self.entries ?? .allocate(capacity: Self.limit)
        self.entries = entries
        (entries + (first + count) % Self.limit).initialize(to: entry)
        count += 1
        return true
    }

    mutating func takeFirst() -> Entry? {
        guard count > 0, let entries else { return nil }
        defer {
            first = (first + 1) % Self.limit
            count -= 1
        }
        return entries[first]
    }
}

extension Endpoint {
    /// What `Connection.put` of a peer gave with its data, which is in this endpoint's memory by now.
    public struct Notification: Hashable {
        /// From whom; a stale handle when it was closed meanwhile.
        public let connection: Connection
        public let value: UInt64
    }

    /// Takes the oldest notification; nil when there is none. Those of one connection come in the order of its puts.
    ///
    /// At most 4,096 are kept: while there are as many, a connection that has another one to tell is not read.
    public func takeNotification() -> Notification? {
        guard let entry = state.pointee.notifications.takeFirst() else { return nil }
        if state.pointee.notifications.waiting != nil { state.admitNotification() }
        if !entry.connection.isStale { entry.connection.slot.pointee.isKnownToUser = true }
        return Notification(connection: entry.connection, value: entry.value)
    }
}

extension UnsafeMutablePointer<EndpointState> {
    /// Room came free: the connection that has waited longest goes on.
    func admitNotification() {
        guard let slot = pointee.notifications.waiting else { return }
        removeWaiting(slot)
        slot.tellHeldNotification()
    }

    func addWaiting(_ slot: UnsafeMutablePointer<ConnectionSlot>) {
        if let last = pointee.notifications.lastWaiting {
            last.pointee.oneSided?.pointee.nextWaiting = slot
        } else {
            pointee.notifications.waiting = slot
        }
        pointee.notifications.lastWaiting = slot
    }

    func removeWaiting(_ slot: UnsafeMutablePointer<ConnectionSlot>) {
        var before: UnsafeMutablePointer<ConnectionSlot>?
        var candidate = pointee.notifications.waiting
        while let waiting = candidate, waiting != slot {
            before = waiting
            candidate = waiting.pointee.oneSided?.pointee.nextWaiting
        }
        guard candidate == slot else { return }
        let next = slot.pointee.oneSided?.pointee.nextWaiting
        if let before {
            before.pointee.oneSided?.pointee.nextWaiting = next
        } else {
            pointee.notifications.waiting = next
        }
        if pointee.notifications.lastWaiting == slot { pointee.notifications.lastWaiting = before }
        slot.pointee.oneSided?.pointee.nextWaiting = nil
    }
}
