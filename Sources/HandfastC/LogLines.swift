import CHandfast
import CSystem
import Logging

/// Where the lines of an endpoint's log go: to the program's function, else to standard error.
struct LogLines: LogHandler {
    /// Pointers are not Sendable; these are used on the thread that drives the endpoint alone.
    private nonisolated(unsafe) let endpoint: GuardPointer
    private let function: hf_log_function?
    private nonisolated(unsafe) let context: UnsafeMutableRawPointer?

    var metadata: Logger.Metadata = [:]
    var logLevel: Logger.Level

    init(_ endpoint: GuardPointer, _ options: hf_options, _ level: Logger.Level) {
        self.endpoint = endpoint
        function = options.log
        context = options.log_context
        logLevel = level
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        let fields = metadata.merging(event.metadata ?? [:]) { $1 }
        let line = fields.sorted { $0.key < $1.key }.reduce("\(event.message)") { "\($0) \($1.key)=\($1.value)" }
        guard let function else { return Self.write("handfast \(event.level): \(line)\n") }
        endpoint.callOut { line.withCString { function(context, event.level.number, $0) } }
    }

    /// In one call, so that lines of several threads and processes stay whole.
    private static func write(_ line: String) {
        var line = line
        line.withUTF8 { csystem_write_error_line($0.baseAddress, UInt64($0.count)) }
    }
}

extension Logger.Level {
    fileprivate var number: hf_log_level {
        switch self {
        case .trace: HF_LOG_TRACE
        case .debug: HF_LOG_DEBUG
        case .info: HF_LOG_INFO
        case .notice: HF_LOG_NOTICE
        case .warning: HF_LOG_WARNING
        case .error, .critical: HF_LOG_ERROR
        }
    }

    /// Nil for a number that is no level.
    init?(number: UInt32) {
        switch hf_log_level(rawValue: number) {
        case HF_LOG_ERROR: self = .error
        case hf_log_level(rawValue: 0), HF_LOG_WARNING: self = .warning
        case HF_LOG_NOTICE: self = .notice
        case HF_LOG_INFO: self = .info
        case HF_LOG_DEBUG: self = .debug
        case HF_LOG_TRACE: self = .trace
        default: return nil
        }
    }
}
