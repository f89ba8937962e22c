import CSystem

/// What all TCP connections of an endpoint share: raw, so that polling costs no reference count.
@unsafe struct TCPState {
    /// Room for what is read ahead of the engine's choice of a place, in bytes.
    static let stagingByteCount = 65_536
    static let eventLimit = 64

    let epoll: Int32
    let staging: UnsafeMutableRawPointer
    let events: UnsafeMutablePointer<csystem_event>
    /// Channels closed during a poll; their events may still be in the list.
    var closed: UnsafeMutablePointer<TCPChannel>?
    var isPolling = false

    static func make(epoll: Int32) -> UnsafeMutablePointer<TCPState> {
        let state = UnsafeMutablePointer<TCPState>.allocate(capacity: 1)
        unsafe state.initialize(
            to: TCPState(
                epoll: epoll, staging: .allocate(byteCount: stagingByteCount, alignment: 64),
                events: .allocate(capacity: eventLimit)))
        return unsafe state
    }

    static func destroy(_ state: UnsafeMutablePointer<TCPState>) {
        unsafe state.pointee.staging.deallocate()
        unsafe state.pointee.events.deallocate()
        unsafe state.deinitialize(count: 1)
        unsafe state.deallocate()
    }
}
