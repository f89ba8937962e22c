/// The channels of a device by the number of their queue pair: open addressing, at most half full.
@unsafe struct ChannelTable {
    typealias Channel = VerbsChannel.Pointer

    private var capacity = 64
    private var slots: UnsafeMutablePointer<Channel?>
    private(set) var count = 0

    init() {
        unsafe slots = unsafe .allocate(capacity: capacity)
        unsafe slots.initialize(repeating: nil, count: capacity)
    }

    func deallocate() { unsafe slots.deallocate() }

    // Hot path.
    private func place(of number: UInt32) -> Int {
        unsafe Int(truncatingIfNeeded: UInt64(number) &* 0x9e37_79b9_7f4a_7c15 >> 32) & (capacity - 1)
    }

    // Hot path.
    func find(_ number: UInt32) -> Channel? {
        var place = unsafe place(of: number)
        while let channel = unsafe slots[place] {
            if unsafe channel.pointee.number == number { return unsafe channel }
            place = unsafe (place + 1) & (capacity - 1)
        }
        return nil
    }

    mutating func add(_ channel: Channel) {
        if unsafe 2 * (count + 1) > capacity { unsafe grow() }
        unsafe insert(channel)
        unsafe count += 1
    }

    mutating func remove(_ channel: Channel) {
        var place = unsafe place(of: channel.pointee.number)
        while unsafe slots[place] != channel {
            guard unsafe slots[place] != nil else { return }
            place = unsafe (place + 1) & (capacity - 1)
        }
        unsafe slots[place] = nil
        unsafe count -= 1
        // What lies behind may have been pushed over this place.
        var next = unsafe (place + 1) & (capacity - 1)
        while let moved = unsafe slots[next] {
            unsafe slots[next] = nil
            unsafe insert(moved)
            next = unsafe (next + 1) & (capacity - 1)
        }
    }

    func forEach(_ body: (Channel) -> Void) {
        for place in unsafe 0..<capacity {
            if let channel = unsafe slots[place] { unsafe body(channel) }
        }
    }

    private mutating func insert(_ channel: Channel) {
        var place = unsafe place(of: channel.pointee.number)
        while unsafe slots[place] != nil { place = unsafe (place + 1) & (capacity - 1) }
        unsafe slots[place] = unsafe channel
    }

    private mutating func grow() {
        let (old, oldCapacity) = unsafe (slots, capacity)
        unsafe capacity *= 2
        unsafe slots = unsafe .allocate(capacity: capacity)
        unsafe slots.initialize(repeating: nil, count: capacity)
        for place in 0..<oldCapacity {
            if let channel = unsafe old[place] { unsafe insert(channel) }
        }
        unsafe old.deallocate()
    }
}
