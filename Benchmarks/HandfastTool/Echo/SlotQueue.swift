/// Numbers of slots, first in, first out; its room is made once, in raw memory, so that a number costs no check of uniqueness.
struct SlotQueue: ~Copyable {
    private let numbers: UnsafeMutablePointer<Int>
    private let capacity: Int
    private var head = 0
    private(set) var count = 0

    /// - Parameter filling: begins with all numbers below the capacity.
    init(capacity: Int, filling: Bool = false) {
        numbers = .allocate(capacity: capacity)
        for number in 0..<capacity { (numbers + number).initialize(to: number) }
        self.capacity = capacity
        if filling { count = capacity }
    }

    deinit { numbers.deallocate() }

    // Hot path.
    var first: Int? { count == 0 ? nil : numbers[head] }

    // Hot path.
    mutating func append(_ number: Int) {
        numbers[place(count)] = number
        count += 1
    }

    // Hot path.
    mutating func removeFirst() {
        head = place(1)
        count -= 1
    }

    // Hot path.
    /// Takes what came last.
    mutating func popLast() -> Int? {
        guard count > 0 else { return nil }
        count -= 1
        return numbers[place(count)]
    }

    // Hot path.
    private func place(_ distance: Int) -> Int {
        let index = head + distance
        return index < capacity ? index : index - capacity
    }
}
