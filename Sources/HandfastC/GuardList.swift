import CSystem
import Glibc
import Handfast

/// All guards of the process: for the shared lock's holder.
enum GuardList {
    /// Unsafe, and good because every use holds the shared lock, or runs in a forked child before it has other threads.
    private nonisolated(unsafe) static var freeSingle: GuardPointer?
    private nonisolated(unsafe) static var freeShared: GuardPointer?
    private nonisolated(unsafe) static var first: GuardPointer?

    /// A guard without endpoint or generation; nil without memory or descriptors.
    static func take(isShared: Bool) -> GuardPointer? {
        csystem_lock_shared()
        defer { csystem_unlock_shared() }
        if let free = isShared ? freeShared : freeSingle {
            if isShared { freeShared = free.pointee.nextFree } else { freeSingle = free.pointee.nextFree }
            return free
        }
        return make(isShared: isShared)
    }

    /// The endpoint is gone. The next one has another generation.
    static func give(_ endpoint: GuardPointer) {
        csystem_lock_shared()
        defer { csystem_unlock_shared() }
        if endpoint.pointee.mode & EndpointGuard.isShared != 0 {
            endpoint.pointee.nextFree = freeShared
            freeShared = endpoint
        } else {
            endpoint.pointee.nextFree = freeSingle
            freeSingle = endpoint
        }
    }

    private static func make(isShared: Bool) -> GuardPointer? {
        guard isForkWatched else { return nil }
        let (monitor, event) = isShared ? (csystem_monitor_make(), csystem_event_make()) : (nil, -1)
        let memory = GuardPointer.allocate(capacity: 1)
        let number = csystem_add_chunk(UInt32(HandleKind.endpoint.rawValue), memory)
        guard number >= 0, !isShared || monitor != nil && event >= 0 else {
            if event >= 0 { close(event) }
            // A number that was drawn leads to it for ever.
            if number < 0 { memory.deallocate() } else { memory.initialize(to: EndpointGuard(number, monitor, -1)) }
            return nil
        }
        memory.initialize(to: EndpointGuard(number, monitor, event))
        memory.pointee.nextOfAll = first
        first = memory
        return memory
    }

    /// In a child: what it has inherited is the parent's, whose threads are not here, so that nothing is locked or freed.
    private static func afterFork() {
        var next = first
        while let endpoint = next {
            endpoint.pointee.mode |= EndpointGuard.isForked
            next = endpoint.pointee.nextOfAll
        }
        (first, freeSingle, freeShared) = (nil, nil, nil)
    }

    // MARK: Making and ending

    /// Held while an endpoint is made or ended, and by a fork: libraries below, as libibverbs, have locks of their own, which
    /// a child would find locked for ever. Taken before the shared lock. Never moved or freed.
    private nonisolated(unsafe) static let making: UnsafeMutablePointer<pthread_mutex_t> = {
        let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
        mutex.initialize(to: pthread_mutex_t())
        pthread_mutex_init(mutex, nil)
        return mutex
    }()

    static func beginMaking() {
        // A fork goes through its handlers from the last to the first: that of the shared lock must have been the first.
        csystem_lock_shared()
        _ = isForkWatched
        csystem_unlock_shared()
        pthread_mutex_lock(making)
    }

    static func endMaking() { pthread_mutex_unlock(making) }

    private static let isForkWatched =
        pthread_atfork(
            { pthread_mutex_lock(GuardList.making) }, { pthread_mutex_unlock(GuardList.making) },
            {
                pthread_mutex_unlock(GuardList.making)
                GuardList.afterFork()
            }) == 0
}

extension EndpointGuard {
    init(_ number: Int64, _ monitor: OpaquePointer?, _ wakeEvent: Int32) {
        mode = monitor == nil ? 0 : Self.isShared
        generation = Handle.first(.endpoint, number: UInt64(number))
        self.monitor = monitor
        self.wakeEvent = wakeEvent
    }
}
