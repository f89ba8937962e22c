import CVerbs

/// Completions that were taken from their queue before their turn, in order.
@unsafe struct CompletionStash {
    /// Numbers of queue pairs have 24 bits.
    private static let nobody: UInt32 = .max

    private var capacity = 0
    private var start = 0
    private var end = 0
    private var items: UnsafeMutablePointer<cverbs_completion>?

    // Hot path.
    var isEmpty: Bool { unsafe start == end }

    func deallocate() { unsafe items?.deallocate() }

    /// - Returns: how many there were.
    mutating func add(from device: OpaquePointer, limit: Int) -> Int {
        if unsafe capacity - end < limit { unsafe grow(by: limit) }
        let count = unsafe Int(cverbs_poll(device, items! + end, Int32(limit)))
        unsafe end += count
        return count
    }

    /// Takes the queue pair's number from what it has received: soon another one may have it.
    mutating func disown(_ queuePairNumber: UInt32) {
        guard let items = unsafe items else { return }
        for index in unsafe start..<end where unsafe items[index].queue_pair_number == queuePairNumber {
            unsafe items[index].queue_pair_number = Self.nobody
        }
    }

    /// - Returns: how many.
    mutating func move(to target: UnsafeMutablePointer<cverbs_completion>, limit: Int) -> Int {
        guard let items = unsafe items else { return 0 }
        let count = unsafe min(limit, end - start)
        unsafe target.update(from: items + start, count: count)
        unsafe start += count
        if unsafe isEmpty { unsafe (start, end) = (0, 0) }
        return count
    }

    private mutating func grow(by count: Int) {
        let size = unsafe max(2 * capacity, end + count)
        let larger = UnsafeMutablePointer<cverbs_completion>.allocate(capacity: size)
        if let items = unsafe items {
            unsafe larger.initialize(from: items, count: end)
            unsafe items.deallocate()
        }
        unsafe items = unsafe larger
        unsafe capacity = size
    }
}
