import CHandfast

/// What all loopback connections of an endpoint share: raw, so that polling costs no reference count.
@unsafe struct LoopbackState {
    /// Bytes that reads may copy between one poll and the next.
    static let readByteLimit = 4 << 20

    /// Channels with something to do, oldest first.
    var firstReady: LoopbackChannel.Pointer?
    var lastReady: LoopbackChannel.Pointer?
    /// Counts polls, so that one poll does not chase what its own calls to the engine bring.
    var round: UInt64 = 0
    var isPolling = false
    /// Ends that were closed during a poll, which may still be looking at them.
    var finished: LoopbackChannel.Pointer?
    var reads = unsafe LoopbackReadQueue()
    var readBudget = readByteLimit

    static func make() -> UnsafeMutablePointer<LoopbackState> {
        let state = UnsafeMutablePointer<LoopbackState>.allocate(capacity: 1)
        unsafe state.initialize(to: LoopbackState())
        return unsafe state
    }

    static func destroy(_ state: UnsafeMutablePointer<LoopbackState>) {
        unsafe state.pointee.reads.deallocate()
        unsafe state.deinitialize(count: 1)
        unsafe state.deallocate()
    }

    static func makeOperations() -> UnsafePointer<hf_transport_operations> {
        let operations = UnsafeMutablePointer<hf_transport_operations>.allocate(capacity: 1)
        unsafe operations.initialize(
            to: hf_transport_operations(
                byte_count: UInt32(MemoryLayout<hf_transport_operations>.size), version: UInt32(HF_TRANSPORT_VERSION),
                poll: loopbackPoll, arm: loopbackArm, send: loopbackSend, resume: loopbackResume, read: loopbackRead,
                close: loopbackClose, expose: nil, conceal: nil,
                keep: nil, forget: nil, read_is_sooner: nil, allocate: nil, release: nil))
        return unsafe UnsafePointer(operations)
    }

    // Hot path.
    /// Puts a channel at the end of the list, once.
    mutating func addReady(_ channel: LoopbackChannel.Pointer) {
        guard unsafe !channel.pointee.isReady else { return }
        unsafe channel.pointee.isReady = true
        unsafe channel.pointee.readyRound = round
        unsafe channel.pointee.previousReady = lastReady
        unsafe channel.pointee.nextReady = nil
        if let last = unsafe lastReady {
            unsafe last.pointee.nextReady = channel
        } else {
            unsafe firstReady = channel
        }
        unsafe lastReady = channel
    }

    // Hot path.
    mutating func removeReady(_ channel: LoopbackChannel.Pointer) {
        guard unsafe channel.pointee.isReady else { return }
        unsafe channel.pointee.isReady = false
        let (previous, next) = unsafe (channel.pointee.previousReady, channel.pointee.nextReady)
        if let previous = unsafe previous {
            unsafe previous.pointee.nextReady = next
        } else {
            unsafe firstReady = next
        }
        if let next = unsafe next {
            unsafe next.pointee.previousReady = previous
        } else {
            unsafe lastReady = previous
        }
    }
}
