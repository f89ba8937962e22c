import CSystem

/// The descriptors that the engine itself waits for, by one epoll.
final class Watches {
    enum Owner {
        /// Only wakes the thread: the transport looks for itself.
        case transport
        case listener
        case handshake(HandshakeDriver)
        case attempt(HandshakeDriver)
        case lifeline(ConnectionRecord)
        case lookup(Resolution)
        case backConnect(BackConnect)
        case waker
    }

    private let epoll: Descriptor
    private let events = UnsafeMutablePointer<csystem_event>.allocate(capacity: 64)
    /// By a number that is never used twice, so that an event of a descriptor that is gone finds nobody.
    private var owners: [UInt: Owner] = [:]
    private var lastID: UInt = 0

    init() throws(HandfastError) {
        let number = csystem_epoll_make()
        guard number >= 0 else {
            throw HandfastError(
                .resources, "no descriptor for epoll: \(systemErrorText(-number))", systemError: -number)
        }
        epoll = Descriptor(owning: number)
    }

    deinit { events.deallocate() }

    var descriptor: Int32 { epoll.number }

    /// - Returns: nil when the system refuses.
    func add(_ descriptor: Int32, _ owner: Owner, readable: Bool, writable: Bool) -> UInt? {
        lastID += 1
        let tag = UnsafeMutableRawPointer(bitPattern: lastID)
        guard csystem_epoll_add(epoll.number, descriptor, tag, readable ? 1 : 0, writable ? 1 : 0) == 0 else {
            return nil
        }
        owners[lastID] = owner
        return lastID
    }

    func change(_ id: UInt, _ descriptor: Int32, readable: Bool, writable: Bool) {
        _ = csystem_epoll_change(
            epoll.number, descriptor, UnsafeMutableRawPointer(bitPattern: id), readable ? 1 : 0, writable ? 1 : 0)
    }

    func remove(_ id: UInt, _ descriptor: Int32) {
        owners[id] = nil
        _ = csystem_epoll_remove(epoll.number, descriptor)
    }

    /// Waits at most so long, and tells what is ready.
    func wait(milliseconds: Int32, _ body: (Owner, _ isReadable: Bool, _ isWritable: Bool) -> Void) {
        let count = csystem_epoll_wait(epoll.number, events, 64, milliseconds)
        guard count > 0 else { return }
        for index in 0..<Int(count) {
            let event = events[index]
            guard let owner = owners[UInt(bitPattern: event.tag)] else { continue }
            body(owner, event.is_readable != 0, event.is_writable != 0)
        }
    }
}
