import Logging
import Synchronization

/// Keeps what an endpoint logs.
final class LogCapture: Sendable {
    private let kept = Mutex<[String]>([])
    var lines: [String] { kept.withLock { $0 } }

    /// What the lines tell of, with those that they say were left out.
    var toldCount: Int {
        lines.reduce(0) { $0 + 1 + (Int($1.firstMatch(of: /others left out": (\d+)/)?.1 ?? "") ?? 0) }
    }

    var logger: Logger {
        var logger = Logger(label: "test") { _ in Handler(capture: self) }
        logger.logLevel = .warning
        return logger
    }

    private struct Handler: LogHandler {
        let capture: LogCapture
        var metadata: Logger.Metadata = [:]
        var logLevel = Logger.Level.warning

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) {
            let line = "\(event.message) \(event.metadata ?? [:])"
            capture.kept.withLock { $0.append(line) }
        }
    }
}
