import ArgumentParser

enum TestKind: String, CaseIterable, ExpressibleByArgument {
    /// Ping-pong; times are half round trips.
    case latency
    /// Many messages in flight; times are per message.
    case bandwidth
}

/// What one test of one size over one transport came to.
struct Measurement {
    let transport: String
    let test: TestKind
    let byteCount: Int
    /// Round trips, or messages.
    let iterations: Int
    let p50Microseconds: Double
    let p99Microseconds: Double
    let maximumMicroseconds: Double
    let meanMicroseconds: Double
    /// Of both processes, where both are known.
    let involuntarySwitches: Int

    /// In 10^6 bytes a second.
    var megabytesPerSecond: Double { meanMicroseconds > 0 ? Double(byteCount) / meanMicroseconds : 0 }
    var messagesPerSecond: Double { meanMicroseconds > 0 ? 1e6 / meanMicroseconds : 0 }
}
