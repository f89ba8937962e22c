/// The channels of a device that wait for their peer, or for the device itself, before they go, each until a time: polls look at
/// these and at no others.
@unsafe struct LingeringChannels {
    typealias Channel = VerbsChannel.Pointer

    private static let start = ContinuousClock.now
    private var first: Channel?

    // Hot path.
    var isEmpty: Bool { unsafe first == nil }

    /// - Parameter channel: one that is not here.
    mutating func add(_ channel: Channel, until end: ContinuousClock.Instant) {
        unsafe channel.pointee.lingersUntil = Self.start.duration(to: end)
        unsafe channel.pointee.nextLingering = unsafe first
        unsafe first?.pointee.previousLingering = unsafe channel
        unsafe first = unsafe channel
    }

    /// One that is not here is left as it is.
    mutating func remove(_ channel: Channel) {
        guard unsafe channel.pointee.lingersUntil != nil else { return }
        let (before, after) = unsafe (channel.pointee.previousLingering, channel.pointee.nextLingering)
        if let before = unsafe before {
            unsafe before.pointee.nextLingering = unsafe after
        } else {
            unsafe first = unsafe after
        }
        unsafe after?.pointee.previousLingering = unsafe before
        unsafe channel.pointee.previousLingering = nil
        unsafe channel.pointee.nextLingering = nil
        unsafe channel.pointee.lingersUntil = nil
    }

    func isOver(_ channel: Channel) -> Bool {
        guard let end = unsafe channel.pointee.lingersUntil else { return false }
        return unsafe ContinuousClock.now > Self.start + end
    }

    /// - Parameter body: leaves the list as it is.
    func forEach(_ body: (Channel, ContinuousClock.Instant) -> Void) {
        var next = unsafe first
        while let channel = unsafe next {
            unsafe next = unsafe channel.pointee.nextLingering
            unsafe body(channel, Self.start + channel.pointee.lingersUntil!)
        }
    }
}
