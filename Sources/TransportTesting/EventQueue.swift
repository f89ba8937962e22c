/// What happens when in a simulation: the earliest first, and of one instant in the order of scheduling.
struct EventQueue {
    private struct Event {
        let time: Duration
        let number: UInt64
        /// Where its body is: what the heap moves about has no reference that would be counted.
        let slot: Int

        func precedes(_ other: Event) -> Bool { time == other.time ? number < other.number : time < other.time }
    }

    private var heap: [Event] = []
    private var bodies: [() -> Void] = []
    private var freeSlots: [Int] = []
    private var count: UInt64 = 0

    mutating func schedule(at time: Duration, _ body: @escaping () -> Void) {
        let slot = freeSlots.popLast() ?? bodies.count
        if slot == bodies.count { bodies.append(body) } else { bodies[slot] = body }
        heap.append(Event(time: time, number: count, slot: slot))
        count += 1
        var place = heap.count - 1
        while place > 0, heap[place].precedes(heap[(place - 1) / 2]) {
            heap.swapAt(place, (place - 1) / 2)
            place = (place - 1) / 2
        }
    }

    mutating func next() -> (time: Duration, body: () -> Void)? {
        guard let first = heap.first, let last = heap.popLast() else { return nil }
        if !heap.isEmpty {
            heap[0] = last
            sink()
        }
        let body = bodies[first.slot]
        bodies[first.slot] = {}
        freeSlots.append(first.slot)
        return (first.time, body)
    }

    private mutating func sink() {
        var place = 0
        while true {
            var child = 2 * place + 1
            guard child < heap.count else { return }
            if child + 1 < heap.count, heap[child + 1].precedes(heap[child]) { child += 1 }
            guard heap[child].precedes(heap[place]) else { return }
            heap.swapAt(place, child)
            place = child
        }
    }
}
