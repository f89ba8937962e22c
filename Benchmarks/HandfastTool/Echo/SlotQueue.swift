/// Numbers of slots, first in, first out; its room is made once.
struct SlotQueue {
    private var numbers: [Int]
    private var head = 0
    private(set) var count = 0

    init(capacity: Int) { numbers = Array(repeating: 0, count: capacity) }

    // Hot path.
    var first: Int? { count == 0 ? nil : numbers[head] }

    // Hot path.
    mutating func append(_ number: Int) {
        var index = head + count
        if index >= numbers.count { index -= numbers.count }
        numbers[index] = number
        count += 1
    }

    // Hot path.
    mutating func removeFirst() {
        head += 1
        if head == numbers.count { head = 0 }
        count -= 1
    }
}
