import Logging

/// Tells of peers whose handshakes came to nothing, or go on too slowly, whatever the reason. Of each host at most once a
/// second, so that nobody can fill the log.
final class RefusalLog: DeadlineHolder {
    private struct Host {
        var nextLineAt: ContinuousClock.Instant
        var leftOutCount = 0
        /// Of the last one that was left out.
        var peer = ""
        var reason = ""
    }

    static let interval = Duration.seconds(1)
    /// Further hosts share one line.
    static let hostLimit = 1_024

    private let logger: Logger
    /// What has happened to the peers.
    private let event: Logger.Message
    private var hosts: [[UInt8]: Host] = [:]
    init(_ logger: Logger, _ event: Logger.Message) { (self.logger, self.event) = (logger, event) }

    /// When the next line is due that says how many were left out.
    var nextDeadline: ContinuousClock.Instant? { hosts.values.map(\.nextLineAt).min() }

    /// - Parameters:
    ///   - host: the peer's address, 4 or 16 bytes.
    ///   - peer: the same with the port, for the line.
    func tell(of host: [UInt8], _ peer: String, _ reason: String, _ now: ContinuousClock.Instant = .now) {
        let key = hosts[host] != nil || hosts.count < Self.hostLimit ? host : []
        guard var known = hosts[key] else {
            write(peer, reason, leftOutCount: 0)
            return hosts[key] = Host(nextLineAt: now + Self.interval)
        }
        known.leftOutCount += 1
        (known.peer, known.reason) = (peer, reason)
        hosts[key] = known
    }

    func checkDeadlines(_ now: ContinuousClock.Instant) {
        for (key, host) in hosts where host.nextLineAt <= now {
            guard host.leftOutCount > 0 else {
                hosts[key] = nil
                continue
            }
            write(host.peer, host.reason, leftOutCount: host.leftOutCount - 1)
            hosts[key] = Host(nextLineAt: now + Self.interval)
        }
    }

    private func write(_ peer: String, _ reason: String, leftOutCount: Int) {
        var metadata: Logger.Metadata = ["peer": "\(peer)", "reason": "\(reason)"]
        if leftOutCount > 0 { metadata["others left out"] = "\(leftOutCount)" }
        logger.warning(event, metadata: metadata)
    }
}
