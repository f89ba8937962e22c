import CHandfast
import CSystem
import Glibc
import Handfast

extension GuardPointer {
    // Hot path.
    /// Makes progress until a condition holds. The caller has gone in; others may go in while it sleeps.
    /// - Parameter timeout: in nanoseconds; negative for no limit.
    /// - Returns: `HF_NOT_READY` when the time is over, `HF_ERROR_STALE` when the endpoint is destroyed meanwhile.
    @inline(__always)
    func wait(_ timeout: Int64, until condition: () -> Bool) -> hf_status {
        if pointee.mode != 0 { return waitBesideOthers(timeout, until: condition) }
        guard let endpoint = pointee.endpoint else { return Refusal.stale("an endpoint").told() }
        let limit: Duration? = timeout < 0 ? nil : .nanoseconds(timeout)
        return endpoint._withUnsafeGuaranteedRef {
            if timeout == 0 {
                $0.progress()
                return condition()
            }
            return $0.wait(timeout: limit, until: condition)
        } ? HF_OK : HF_NOT_READY
    }

    /// One of the threads that wait drives the endpoint; the others look whether they have what they wait for when it has
    /// done something, and one of them goes on when it leaves. Nobody holds the lock asleep.
    private func waitBesideOthers(_ timeout: Int64, until condition: () -> Bool) -> hf_status {
        let generation = pointee.generation
        pointee.insideCount += 1
        defer {
            pointee.insideCount -= 1
            // For the one that destroys.
            if pointee.generation != generation { csystem_monitor_wake_all(pointee.monitor) }
        }
        let deadline: ContinuousClock.Instant? = timeout < 0 ? nil : .now + .nanoseconds(timeout)
        var spinEnd: ContinuousClock.Instant?
        while let endpoint = pointee.endpoint, pointee.generation == generation {
            if condition() { return HF_OK }
            guard pointee.isDriven else { return drive(generation, deadline, until: condition) }
            let now = ContinuousClock.now
            if let deadline, deadline <= now { return HF_NOT_READY }
            guard let end = spinEnd else {
                spinEnd = now + endpoint.spinDuration
                continue
            }
            guard end <= now else {
                letOthersIn()
                continue
            }
            pointee.waiterCount += 1
            csystem_monitor_sleep(pointee.monitor, deadline.map { now.duration(to: $0).nanosecondCount } ?? -1)
            pointee.waiterCount -= 1
        }
        return Refusal.stale("an endpoint").told()
    }

    private func drive(
        _ generation: UInt64, _ deadline: ContinuousClock.Instant?, until condition: () -> Bool
    ) -> hf_status {
        pointee.isDriven = true
        defer {
            pointee.isDriven = false
            if pointee.waiterCount > 0 { csystem_monitor_wake_all(pointee.monitor) }
        }
        var spinEnd: ContinuousClock.Instant?
        while let endpoint = pointee.endpoint, pointee.generation == generation {
            let done = endpoint._withUnsafeGuaranteedRef { $0.progress() }
            if done > 0, pointee.waiterCount > 0 { csystem_monitor_wake_all(pointee.monitor) }
            if condition() { return HF_OK }
            let now = ContinuousClock.now
            if let deadline, deadline <= now { return HF_NOT_READY }
            if done > 0 { spinEnd = nil }
            if let end = spinEnd, end <= now {
                sleep(until: deadline, now)
                continue
            }
            if spinEnd == nil { spinEnd = now + endpoint.spinDuration }
            letOthersIn()
        }
        return Refusal.stale("an endpoint").told()
    }

    private func letOthersIn() {
        let isWanted = csystem_monitor_is_wanted(pointee.monitor) != 0
        csystem_monitor_unlock(pointee.monitor)
        csystem_pause()
        // Who wants the lock is asleep by now, and gets it only if it is free when it is awake.
        if isWanted { sched_yield() }
        csystem_monitor_lock(pointee.monitor)
    }

    private func sleep(until deadline: ContinuousClock.Instant?, _ now: ContinuousClock.Instant) {
        let (armed, descriptor) = pointee.endpoint!._withUnsafeGuaranteedRef { ($0.arm(), $0.fileDescriptor) }
        guard case .upTo(let limit) = armed else {
            // It may have done what others wait for.
            if pointee.waiterCount > 0 { csystem_monitor_wake_all(pointee.monitor) }
            return
        }
        let shortest = [deadline.map { now.duration(to: $0) }, limit].compactMap(\.self).min()
        pointee.isSleeping = true
        csystem_monitor_unlock(pointee.monitor)
        csystem_wait_for_either(descriptor, pointee.wakeEvent, shortest.map { $0.millisecondCount } ?? -1)
        csystem_monitor_lock(pointee.monitor)
        pointee.isSleeping = false
        guard pointee.isRung else { return }
        csystem_event_drain(pointee.wakeEvent)
        pointee.isRung = false
    }
}

extension Unmanaged<Endpoint> {
    fileprivate var spinDuration: Duration { _withUnsafeGuaranteedRef { $0.spinDuration } }
}

extension Duration {
    /// Clamped to what a timeout can be.
    var nanosecondCount: Int64 { Int64(clamping: Int64(min(self / .nanoseconds(1), 4e18))) }
    /// Rounded up.
    var millisecondCount: Int32 { Int32(max(0, min(self / .milliseconds(1), 1e9)).rounded(.up)) }
}
