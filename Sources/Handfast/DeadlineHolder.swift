/// Something of the engine's that must be looked at by a certain time, whatever arrives.
protocol DeadlineHolder: AnyObject {
    /// Nil while nothing is due.
    var nextDeadline: ContinuousClock.Instant? { get }
    func checkDeadlines(_ now: ContinuousClock.Instant)
}
