/// How often a connect is attempted, and how long is waited in between.
public struct RetryPolicy: Hashable, Sendable {
    /// How often the whole list of addresses is tried; at least 1.
    public var attempts: Int
    /// Between the first attempt and the second.
    public var interval: Duration
    /// By how much each wait is longer than the one before; at least 1.
    public var growth: Double
    public var maximumInterval: Duration
    /// The share of each wait, 0 to 1, that chance may take off, so that many do not come back at the same instant.
    public var jitter: Double
    /// For all attempts and waits together.
    public var deadline: Duration
    /// After this time the next address of the list is tried beside the one that has not answered; nil: never.
    public var raceOffset: Duration?

    public init(
        attempts: Int, interval: Duration, growth: Double = 1, maximumInterval: Duration = .seconds(60),
        jitter: Double = 0, deadline: Duration, raceOffset: Duration? = nil
    ) {
        precondition(attempts >= 1 && interval >= .zero && growth >= 1 && jitter >= 0 && jitter <= 1)
        self.attempts = attempts
        self.interval = interval
        self.growth = growth
        self.maximumInterval = maximumInterval
        self.jitter = jitter
        self.deadline = deadline
        self.raceOffset = raceOffset
    }

    /// The wait before an attempt, the second one being number 2.
    /// - Parameter random: any number; equal numbers give equal waits.
    public func wait(before attempt: Int, random: UInt64) -> Duration {
        var wait = min(interval, maximumInterval)
        var number = 2
        // Stops as soon as the limit is reached, whatever the number and the growth.
        while number < attempt, growth > 1, wait > .zero, wait < maximumInterval {
            wait = maximumInterval / wait <= growth ? maximumInterval : wait * growth
            number += 1
        }
        let chance = Double(random >> 11) / 0x1p53
        return wait * (1 - jitter * chance)
    }
}
