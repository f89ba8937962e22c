import Histogram

/// Times of rounds: kept raw while the clock runs, sorted into a histogram between rounds.
struct Samples: ~Copyable {
    /// Rounds between two visits to the histogram.
    static let batchCount = 256
    private static let largestNanoseconds: UInt64 = 60_000_000_000

    private let clock: TickClock
    private let raw: UnsafeMutablePointer<(ticks: UInt64, parts: Int)>
    private var rawCount = 0
    private var histogram = Histogram<UInt64>(highestTrackableValue: largestNanoseconds)
    private var sumNanoseconds = 0.0
    private var largest = 0.0
    private(set) var count = 0

    init(_ clock: TickClock) {
        self.clock = clock
        raw = .allocate(capacity: Self.batchCount)
        raw.initialize(repeating: (0, 1), count: Self.batchCount)
    }

    deinit { raw.deallocate() }

    var isFull: Bool { rawCount == Self.batchCount }

    // Hot path.
    /// - Parameter parts: how many messages, or ways of a round trip, share the time.
    mutating func add(_ ticks: UInt64, parts: Int) {
        raw[rawCount] = (ticks, parts)
        rawCount += 1
    }

    /// Makes room for more.
    mutating func sort() {
        for index in 0..<rawCount {
            let nanoseconds = clock.nanoseconds(raw[index].ticks)
            let each = nanoseconds / Double(raw[index].parts)
            sumNanoseconds += nanoseconds
            count += raw[index].parts
            largest = max(largest, each)
            // In tenths of a nanosecond: a message of a long window may take few.
            histogram.record(min(UInt64(each * 10), Self.largestNanoseconds), count: UInt64(raw[index].parts))
        }
        rawCount = 0
    }

    mutating func reset() {
        rawCount = 0
        sumNanoseconds = 0
        largest = 0
        count = 0
        histogram.reset()
    }

    /// Of the time of one part, in microseconds.
    func percentile(_ percent: Double) -> Double { Double(histogram.valueAtPercentile(percent)) / 10_000 }
    var maximumMicroseconds: Double { largest / 1_000 }
    var meanMicroseconds: Double { count > 0 ? sumNanoseconds / 1_000 / Double(count) : 0 }
}
