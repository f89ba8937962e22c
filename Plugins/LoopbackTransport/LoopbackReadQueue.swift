/// One read that could not be copied at once.
@unsafe struct LoopbackRead {
    let channel: LoopbackChannel.Pointer
    var destination: UnsafeMutableRawPointer
    var source: UnsafeRawPointer
    var byteCount: Int
    let token: UInt64
}

/// Reads that wait for the next poll, oldest first.
@unsafe struct LoopbackReadQueue {
    private var items = UnsafeMutablePointer<LoopbackRead>.allocate(capacity: 8)
    private var capacity = 8
    private var first = 0
    private(set) var count = 0

    var isEmpty: Bool { unsafe count == 0 }

    /// The oldest; there must be one.
    var head: UnsafeMutablePointer<LoopbackRead> { unsafe items + first }

    /// Grows when full, so that it costs no allocation once it is as long as it ever gets.
    mutating func append(_ read: LoopbackRead) {
        if unsafe first + count == capacity { unsafe makeRoom() }
        unsafe (items + first + count).initialize(to: read)
        unsafe count += 1
        unsafe read.channel.pointee.readCount += 1
    }

    mutating func removeFirst() -> LoopbackRead {
        let read = unsafe head.move()
        unsafe first += 1
        unsafe count -= 1
        unsafe read.channel.pointee.readCount -= 1
        return unsafe read
    }

    /// Drops the reads of a channel that closes.
    mutating func remove(_ channel: LoopbackChannel.Pointer) {
        guard unsafe channel.pointee.readCount > 0 else { return }
        for _ in unsafe 0..<count {
            let read = unsafe removeFirst()
            if unsafe read.channel != channel { unsafe append(read) }
        }
    }

    private mutating func makeRoom() {
        // Half empty: the places of what has ended are enough.
        guard unsafe count > capacity / 2 else {
            unsafe items.moveInitialize(from: head, count: count)
            unsafe first = 0
            return
        }
        let larger = unsafe capacity * 2
        let moved = UnsafeMutablePointer<LoopbackRead>.allocate(capacity: larger)
        unsafe moved.moveInitialize(from: head, count: count)
        unsafe items.deallocate()
        unsafe (items, capacity, first) = unsafe (moved, larger, 0)
    }

    func deallocate() { unsafe items.deallocate() }
}
