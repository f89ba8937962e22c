import CSystem

/// What all TCP connections of an endpoint share: raw, so that polling costs no reference count.
@unsafe struct TCPState {
    /// Room for what is read ahead of the engine's choice of a place, in bytes.
    static let stagingByteCount = 65_536
    static let eventLimit = 64

    let epoll: Int32
    let staging: UnsafeMutableRawPointer
    let events: UnsafeMutablePointer<csystem_event>
    /// Channels closed during a call to the engine: the caller, or the list of events, may still name them.
    var closed: UnsafeMutablePointer<TCPChannel>?
    /// Polls and resumes under way, which may call the engine.
    var callDepth = 0

    static func make(epoll: Int32) -> UnsafeMutablePointer<TCPState> {
        let state = UnsafeMutablePointer<TCPState>.allocate(capacity: 1)
        unsafe state.initialize(
            to: TCPState(
                epoll: epoll, staging: .allocate(byteCount: stagingByteCount, alignment: 64),
                events: .allocate(capacity: eventLimit)))
        return unsafe state
    }

    static func enter(_ state: UnsafeMutablePointer<TCPState>) { unsafe state.pointee.callDepth += 1 }

    /// Frees what was closed meanwhile, when nobody further out can be looking at it.
    static func leave(_ state: UnsafeMutablePointer<TCPState>) {
        unsafe state.pointee.callDepth -= 1
        guard unsafe state.pointee.callDepth == 0 else { return }
        while let channel = unsafe state.pointee.closed {
            unsafe state.pointee.closed = channel.pointee.nextClosed
            unsafe TCPChannel.destroy(channel)
        }
    }

    static func destroy(_ state: UnsafeMutablePointer<TCPState>) {
        unsafe state.pointee.staging.deallocate()
        unsafe state.pointee.events.deallocate()
        unsafe state.deinitialize(count: 1)
        unsafe state.deallocate()
    }
}
