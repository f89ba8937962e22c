/// A moment by which something must have happened, so that a transport that loses something is a failure and no hang.
struct Deadline {
    private let end: ContinuousClock.Instant
    private let length: Duration

    init(_ length: Duration) {
        self.length = length
        end = ContinuousClock.now + length
    }

    var hasPassed: Bool { ContinuousClock.now > end }

    func check(_ awaited: @autoclosure () -> String) throws {
        guard hasPassed else { return }
        throw BrokenRule("\(awaited()) did not happen within \(length)")
    }
}
