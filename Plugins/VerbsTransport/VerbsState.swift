import CHandfast
import CSystem
import CVerbs
import Glibc

/// What all verbs connections of an endpoint share: raw, so that polling costs no reference count.
@unsafe struct VerbsState {
    typealias Pointer = UnsafeMutablePointer<VerbsState>
    static let deviceLimit = 8
    /// Batches of completions of one device in a poll.
    private static let batchLimit = 4

    let devices: UnsafeMutablePointer<VerbsDevice.Pointer?>
    var deviceCount = 0
    var isArmed = false
    /// Memory that the program keeps, for devices that are opened later.
    var kept: [(start: UnsafeRawPointer, byteCount: Int)] = unsafe []

    static func make() -> Pointer {
        let devices = unsafe UnsafeMutablePointer<VerbsDevice.Pointer?>.allocate(capacity: deviceLimit)
        unsafe devices.initialize(repeating: nil, count: deviceLimit)
        let state = Pointer.allocate(capacity: 1)
        unsafe state.initialize(to: VerbsState(devices: devices))
        return unsafe state
    }

    /// All devices must have been closed.
    static func destroy(_ state: Pointer) {
        unsafe state.pointee.devices.deallocate()
        unsafe state.deinitialize(count: 1)
        unsafe state.deallocate()
    }

    // Hot path.
    @inline(__always)
    static func poll(_ state: Pointer) -> UInt32 {
        let wasArmed = unsafe state.pointee.isArmed
        unsafe state.pointee.isArmed = false
        var (count, index): (UInt32, Int) = (0, 0)
        while unsafe index < state.pointee.deviceCount {
            let device = unsafe state.pointee.devices[index]!
            // Most polls find nothing, and go no further than this.
            let found = unsafe device.pointee.take()
            if unsafe found > 0 || wasArmed || device.pointee.hasWork {
                unsafe count &+= work(device, found, wasArmed: wasArmed)
            }
            index += 1
        }
        return count
    }

    // Hot path.
    /// - Parameter first: completions that have been taken.
    static func work(_ device: VerbsDevice.Pointer, _ first: Int, wasArmed: Bool) -> UInt32 {
        if wasArmed { unsafe cverbs_disarm(device.pointee.handle) }
        // Not while a message has come, whose answer may be about to go out.
        if first == 0 { unsafe device.pointee.postReceives() }
        var (found, count, batches) = (first, UInt32(first), 1)
        // Those that are destroyed from here on may still be named by what comes next.
        let destroyed = unsafe device.pointee.firstDestroyed
        unsafe device.pointee.firstDestroyed = nil
        while true {
            unsafe handleAll(device, found)
            guard unsafe !device.pointee.isDrained && batches < batchLimit else { break }
            found = unsafe device.pointee.take()
            count &+= UInt32(found)
            batches += 1
        }
        if count > 0, unsafe device.pointee.hasStarved { unsafe feed(device) }
        unsafe settle(device)
        if unsafe !device.pointee.lingering.isEmpty { unsafe endLingering(device) }
        if unsafe destroyed != nil || device.pointee.firstBroken != nil { unsafe count &+= reap(device, destroyed) }
        if unsafe wasArmed || device.pointee.isTimeForEvents { unsafe count &+= takeEvents(device) }
        return count
    }

    /// Until none is left, or many thousands have come meanwhile.
    static func takeCompletions(_ device: VerbsDevice.Pointer) {
        for _ in 0..<4096 {
            // What `arm` found says nothing of what has come since.
            let isStashed = unsafe !device.pointee.stash.isEmpty
            let found = unsafe device.pointee.take()
            unsafe handleAll(device, found)
            if unsafe !isStashed && found < VerbsDevice.batch { return }
        }
    }

    // Hot path.
    @inline(__always)
    private static func handleAll(_ device: VerbsDevice.Pointer, _ count: Int) {
        for index in 0..<count {
            let completion = unsafe device.pointee.completions[index]
            if completion.number & 1 == 0 {
                let address = UInt(completion.number & (1 << 48 - 1))
                let channel = unsafe VerbsChannel.Pointer(bitPattern: address)!
                // After its queue pair is gone what it had posted is let go of already.
                guard unsafe device.pointee.channels.find(channel.pointee.number) == channel else { continue }
                unsafe VerbsChannel.complete(channel, UInt16(completion.number >> 48), completion.status)
                continue
            }
            let buffer = Int32(truncatingIfNeeded: completion.number >> 1)
            guard let channel = unsafe device.pointee.channels.find(completion.queue_pair_number) else {
                unsafe device.pointee.finished(buffer)
                continue
            }
            guard completion.status == 0 else {
                // More than a buffer holds, as a rule: the queue pair is of no use any more, and no event says so.
                unsafe device.pointee.finished(buffer)
                unsafe VerbsChannel.fail(channel, completion.status)
                continue
            }
            let byteCount = Int(completion.byte_count)
            if unsafe !VerbsChannel.takeData(channel, buffer, byteCount) {
                unsafe VerbsChannel.arrive(channel, buffer, byteCount)
            }
        }
    }

    /// There may be buffers and places again, for channels that found none.
    private static func feed(_ device: VerbsDevice.Pointer) {
        unsafe device.pointee.hasStarved = false
        unsafe device.pointee.channels.forEach {
            if unsafe VerbsChannel.waitsForPlace($0) { unsafe VerbsChannel.touch($0) }
        }
    }

    // Hot path.
    /// Looks after the channels for which something has changed.
    private static func settle(_ device: VerbsDevice.Pointer) {
        var channel = unsafe device.pointee.firstTouched
        unsafe device.pointee.firstTouched = nil
        while let touched = unsafe channel {
            unsafe channel = unsafe touched.pointee.nextTouched
            unsafe touched.pointee.isTouched = false
            unsafe VerbsChannel.settle(touched)
        }
    }

    /// When the completion queue has been empty, nothing names a queue pair any more that was destroyed before.
    private static func reap(_ device: VerbsDevice.Pointer, _ first: VerbsChannel.Pointer?) -> UInt32 {
        var count: UInt32 = 0
        var destroyed = unsafe first
        let isDrained = unsafe device.pointee.isDrained
        while let channel = unsafe destroyed {
            unsafe destroyed = unsafe channel.pointee.next
            // Touched from within a call of the engine's.
            if unsafe !isDrained || channel.pointee.isTouched {
                unsafe channel.pointee.next = unsafe device.pointee.firstDestroyed
                unsafe device.pointee.firstDestroyed = unsafe channel
                continue
            }
            unsafe VerbsChannel.free(channel)
            count += 1
        }
        while isDrained, let channel = unsafe device.pointee.firstBroken {
            unsafe device.pointee.firstBroken = unsafe channel.pointee.next
            unsafe VerbsChannel.destroyPair(channel)
            count += 1
        }
        return count
    }

    private static func takeEvents(_ device: VerbsDevice.Pointer) -> UInt32 {
        unsafe device.pointee.looksAtEvents()
        var count = unsafe takeConnectionEvents(device)
        var event = unsafe cverbs_event()
        while count < 64, unsafe cverbs_next_event(device.pointee.handle, &event) != 0 {
            count += 1
            let text = unsafe event.text.map { unsafe String(cString: $0) } ?? "unknown"
            switch unsafe event.kind {
            case CVERBS_EVENT_QUEUE_PAIR:
                guard let channel = unsafe device.pointee.channels.find(event.queue_pair_number) else { continue }
                unsafe VerbsChannel.fail(channel, EIO, "the device says: \(text)")
            case CVERBS_EVENT_PORT_DOWN:
                // It may be old news: then what was lost is sent again.
                guard unsafe VerbsChannel.isDown(device, event.port) else { continue }
                unsafe failAll(device, port: event.port, ENETDOWN, VerbsChannel.textOfDown(event.port))
            case CVERBS_EVENT_DEVICE_GONE: unsafe lose(device, text)
            default: break
            }
        }
        unsafe settle(device)
        return count
    }

    /// - Parameter text: what the device has said.
    static func lose(_ device: VerbsDevice.Pointer, _ text: String) {
        unsafe device.pointee.becomeGone()
        unsafe failAll(device, port: nil, ENODEV, "the device is gone (\(text))")
        // Those that wait for a completion wait for nothing now.
        unsafe device.pointee.channels.forEach { unsafe VerbsChannel.touch($0) }
    }

    private static func failAll(_ device: VerbsDevice.Pointer, port: UInt8?, _ error: Int32, _ text: String) {
        var channels: [VerbsChannel.Pointer] = unsafe []
        unsafe device.pointee.channels.forEach {
            if unsafe port == nil || $0.pointee.port == port { unsafe channels.append($0) }
        }
        // The engine is told by `settle`, as it may close any of them meanwhile.
        while let channel = unsafe channels.popLast() { unsafe VerbsChannel.breakLater(channel, error, text) }
    }

    /// Before sleep. Returns false when something is there.
    static func arm(_ state: Pointer) -> Bool {
        unsafe state.pointee.isArmed = true
        for index in unsafe 0..<state.pointee.deviceCount {
            let device = unsafe state.pointee.devices[index]!
            unsafe device.pointee.postReceives()
            guard unsafe device.pointee.stash.isEmpty, unsafe device.pointee.firstBroken == nil,
                unsafe device.pointee.firstDestroyed == nil, unsafe device.pointee.firstTouched == nil
            else { return false }
            _ = unsafe cverbs_arm(device.pointee.handle)
            // What came before it was armed rings no bell.
            guard unsafe device.pointee.stash.add(from: device.pointee.handle, limit: VerbsDevice.batch) == 0 else {
                return false
            }
        }
        return true
    }
}

@c(handfast_verbs_poll) func verbsPoll(_ state: UnsafeMutableRawPointer?) -> UInt32 {
    unsafe VerbsState.poll(state!.assumingMemoryBound(to: VerbsState.self))
}

@c(handfast_verbs_arm) func verbsArm(_ state: UnsafeMutableRawPointer?) -> Int32 {
    unsafe VerbsState.arm(state!.assumingMemoryBound(to: VerbsState.self)) ? 0 : 1
}

@c(handfast_verbs_keep) func verbsKeep(
    _ state: UnsafeMutableRawPointer?, _ memory: UnsafeRawPointer?, _ byteCount: UInt64
) {
    let state = unsafe state!.assumingMemoryBound(to: VerbsState.self)
    guard let memory = unsafe memory, byteCount > 0 else { return }
    unsafe state.pointee.kept.append((memory, Int(byteCount)))
    for index in unsafe 0..<state.pointee.deviceCount {
        unsafe state.pointee.devices[index]!.pointee.cache.keep(memory, Int(byteCount))
    }
}

@c(handfast_verbs_forget) func verbsForget(
    _ state: UnsafeMutableRawPointer?, _ memory: UnsafeRawPointer?, _ byteCount: UInt64
) {
    let state = unsafe state!.assumingMemoryBound(to: VerbsState.self)
    guard let memory = unsafe memory,
        let index = unsafe state.pointee.kept.firstIndex(where: {
            unsafe $0.start == memory && $0.byteCount == Int(byteCount)
        })
    else { return }
    unsafe state.pointee.kept.remove(at: index)
    for index in unsafe 0..<state.pointee.deviceCount {
        unsafe state.pointee.devices[index]!.pointee.cache.forget(memory, Int(byteCount))
    }
}
