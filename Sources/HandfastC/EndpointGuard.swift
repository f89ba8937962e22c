import CSystem
import Glibc
import Handfast

/// What stands before an endpoint that programs in C use: whether a call may go in, and the lock if several threads may.
/// Never freed, so that a handle may outlive its endpoint; those of one mode go to the next endpoint of that mode.
struct EndpointGuard {
    /// Bits of `mode`.
    static let isShared: UInt64 = 1
    static let isForked: UInt64 = 2
    static let isInCallback: UInt64 = 4

    /// The first field, because the thread sanitizer takes a change of any for one at the start of all, and `mode` is read
    /// without the lock.
    var nextOfAll: UnsafeMutablePointer<EndpointGuard>?
    /// 0 when a call may go in without further ado.
    var mode: UInt64
    /// The endpoint's handle; no handle while there is none.
    var generation: UInt64
    var endpoint: Unmanaged<Endpoint>?
    /// Of the copies of texts that the program was given.
    var texts: Unmanaged<EndpointTexts>?
    var nextFree: UnsafeMutablePointer<EndpointGuard>?

    // Of those that are shared: everything else here is for the holder of the lock.
    let monitor: OpaquePointer?
    /// Wakes the thread that sleeps on descriptors; -1 when not shared.
    let wakeEvent: Int32
    /// The thread that a callback runs on; 0 for none. Read without the lock.
    var callbackThread: UInt64 = 0
    /// A thread that waits makes progress for all that do.
    var isDriven = false
    /// It sleeps on the endpoint's descriptor and `wakeEvent`.
    var isSleeping = false
    var isRung = false
    /// Threads that sleep until somebody has done something.
    var waiterCount = 0
    /// Threads in a wait, asleep or not.
    var insideCount = 0
    /// A thread destroys the endpoint and sleeps until those are out; nobody comes in meanwhile.
    var isEnding = false
}

typealias GuardPointer = UnsafeMutablePointer<EndpointGuard>

extension GuardPointer {
    // Hot path.
    static func find(_ handle: UInt64) -> GuardPointer? {
        guard Handle.hasKind(handle, .endpoint),
            let memory = csystem_chunk(UInt32(HandleKind.endpoint.rawValue), Handle.number(handle))
        else { return nil }
        return memory.assumingMemoryBound(to: EndpointGuard.self)
    }

    /// - Precondition: there is one.
    var live: Endpoint { pointee.endpoint!.takeUnretainedValue() }

    // MARK: Going in and out

    // Hot path.
    /// Apart from the call that it is for, which looks at `mode` itself.
    /// - Returns: nil to go in, and then `leave` is due; else why not.
    @inline(never)
    func enter() -> Refusal? {
        if pointee.mode & EndpointGuard.isForked != 0 { return .forked }
        if pointee.mode & EndpointGuard.isInCallback != 0 { return .reentrant }
        guard pointee.mode & EndpointGuard.isShared != 0 else { return nil }
        if csystem_load(callbackThread) == UInt64(pthread_self()) { return .reentrant }
        csystem_monitor_lock(pointee.monitor)
        guard pointee.isEnding else { return nil }
        csystem_monitor_unlock(pointee.monitor)
        return .stale("an endpoint")
    }

    // Hot path.
    /// - Parameter hasChanged: something may have been done that others wait for, or that must be done by them.
    @inline(never)
    func leave(hasChanged: Bool) {
        guard pointee.mode & EndpointGuard.isShared != 0 else { return }
        if hasChanged { tellOthers() }
        csystem_monitor_unlock(pointee.monitor)
    }

    /// Others look at the endpoint again before they sleep on.
    func tellOthers() {
        if pointee.isSleeping, !pointee.isRung {
            pointee.isRung = true
            csystem_event_ring(pointee.wakeEvent)
        }
        if pointee.waiterCount > 0 { csystem_monitor_wake_all(pointee.monitor) }
    }

    /// Calls the program, which must not call back meanwhile.
    func callOut<Value>(_ body: () -> Value) -> Value {
        if pointee.mode & EndpointGuard.isShared != 0 {
            let before = csystem_load(callbackThread)
            csystem_store_release(callbackThread, UInt64(pthread_self()))
            defer { csystem_store_release(callbackThread, before) }
            return body()
        }
        let before = pointee.mode
        pointee.mode |= EndpointGuard.isInCallback
        defer { pointee.mode = before }
        return body()
    }

    private var callbackThread: UnsafeMutablePointer<UInt64> {
        // The field's place, which does not move.
        let offset = MemoryLayout<EndpointGuard>.offset(of: \EndpointGuard.callbackThread)!
        return (UnsafeMutableRawPointer(self) + offset).assumingMemoryBound(to: UInt64.self)
    }
}
