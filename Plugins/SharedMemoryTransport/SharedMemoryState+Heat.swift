import CSystem

/// Which rings are looked at with every poll, and which only when the doorbell rings.
extension SharedMemoryState {
    typealias Pointer = UnsafeMutablePointer<SharedMemoryState>

    /// Makes a ring hot if there is a place: a free one, or that of a ring that has been silent since before this
    /// one's message before.
    static func warm(_ channel: Channel, wasActive: UInt64) {
        guard unsafe !channel.pointee.isHot else { return }
        let state = unsafe channel.pointee.transport
        if unsafe state.pointee.hotCount == hotLimit {
            var oldest = unsafe state.pointee.hot[0]!
            for index in unsafe 1..<hotLimit {
                let other = unsafe state.pointee.hot[index]!
                if unsafe other.pointee.lastActive < oldest.pointee.lastActive { unsafe oldest = other }
            }
            guard unsafe oldest.pointee.lastActive < wasActive else { return }
            unsafe coolAndLook(oldest)
        }
        unsafe state.pointee.hot[state.pointee.hotCount] = channel
        unsafe state.pointee.hotCount += 1
        unsafe channel.pointee.isHot = true
        unsafe csystem_store_release(channel.pointee.mine.notify, 0)
    }

    /// Takes a ring off the list; its peer rings from now on.
    static func cool(_ channel: Channel) {
        guard unsafe channel.pointee.isHot else { return }
        unsafe channel.pointee.isHot = false
        unsafe csystem_store_release(channel.pointee.mine.notify, 1)
        let state = unsafe channel.pointee.transport
        for index in unsafe 0..<state.pointee.hotCount where unsafe state.pointee.hot[index] == channel {
            unsafe state.pointee.hotCount -= 1
            unsafe state.pointee.hot[index] = state.pointee.hot[state.pointee.hotCount]
            unsafe state.pointee.hot[state.pointee.hotCount] = nil
            return
        }
    }

    /// The same for a ring that may have got a packet meanwhile: the sender writes, fences and looks at `notify`; here
    /// `notify` is written first. So either the sender rings, or the packet is seen here.
    private static func coolAndLook(_ channel: Channel) {
        unsafe cool(channel)
        unsafe SharedMemoryChannel.offerRoom(channel)  // With the fence.
        if unsafe channel.pointee.phase == .open, unsafe channel.pointee.consumer.hasPacket {
            unsafe SharedMemoryChannel.ringOwn(channel)
        }
    }

    /// Before sleep: every ring must ring. Returns false when something is there.
    static func arm(_ state: Pointer) -> Bool {
        unsafe announce(state)
        while let channel = unsafe state.pointee.hot[0] { unsafe coolAndLook(channel) }
        if let channel = unsafe state.pointee.waiting, unsafe !SharedMemoryChannel.askForRoom(channel) { return false }
        // Not when it has woken us: what it was rung for comes first.
        unsafe csystem_bell_drain(state.pointee.wake)
        // A sender sets its bit, then looks whether we sleep; here the other way round, with a fence between.
        unsafe state.pointee.doorbell.setSleeping(true)
        guard unsafe state.pointee.firstRead == nil, unsafe !state.pointee.doorbell.isRung else {
            unsafe state.pointee.doorbell.setSleeping(false)
            return false
        }
        unsafe state.pointee.isArmed = true
        return true
    }

    static func disarm(_ state: Pointer) {
        unsafe state.pointee.isArmed = false
        unsafe state.pointee.doorbell.setSleeping(false)
    }
}

@c(handfast_shm_arm) func sharedMemoryArm(_ state: UnsafeMutableRawPointer?) -> Int32 {
    unsafe SharedMemoryState.arm(state!.assumingMemoryBound(to: SharedMemoryState.self)) ? 0 : 1
}
