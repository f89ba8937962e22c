import Foundation
import Glibc
import Testing

/// A process with one endpoint, told by lines what to do; see `DemandingPeer`. It ends with its last reference.
final class DemandingProcess {
    /// What came of all that it was told.
    struct Report {
        var descriptorCount = 0
        var pendingCount = 0
        var sentCount = 0
        /// By the sender's name and process.
        var received: [String: [pid_t: Int]] = [:]
        /// The number of the last message, by the sender's process.
        var lastReceived: [pid_t: Int] = [:]
        /// By receiver.
        var lastSent: [String: Int] = [:]
        var states: [String: String] = [:]
        var transports: [String: String] = [:]
        var errors: [(peer: String, text: String)] = []
        /// The numbers of the messages that failed, in the order in which they did.
        var lostAsSent: [Int] = []
        var lostAsUnsent: [Int] = []
        var events: [(peer: String, reason: String)] = []
        var faults: [String] = []

        func receivedCount(from name: String) -> Int { received[name]?.values.reduce(0, +) ?? 0 }
    }

    let name: String
    let process: pid_t
    private(set) var address = ""
    /// Its standard input and output.
    private let stream: Int32
    private var bytes: [UInt8] = []
    private var isReaped = false

    /// - Parameters:
    ///   - logPath: for what it logs; of dead peers that is expected, so that as a rule nobody reads it.
    ///   - descriptorLimit: the soft and the hard one; nil for that of the tests.
    init(
        _ name: String, port: String? = nil, _ environment: [String: String] = [:], logPath: String = "/dev/null",
        descriptorLimit: Int? = nil
    ) throws {
        self.name = name
        var pair: [Int32] = [-1, -1]
        try #require(socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0, &pair) == 0)
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, pair[1], STDIN_FILENO)
        posix_spawn_file_actions_adddup2(&actions, pair[1], STDOUT_FILENO)
        posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, logPath, O_WRONLY | O_CREAT | O_APPEND, 0o600)
        let own = ["HANDFAST_SPIN_US": "0"].merging(environment) { $1 }
        let variables = ProcessInfo.processInfo.environment.merging(own) { $1 }.map { "\($0.key)=\($0.value)" }
        let tests = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
        let executable = URL(fileURLWithPath: tests).deletingLastPathComponent().appendingPathComponent("OnDemandPeer")
            .path
        let limit = descriptorLimit.map { "ulimit -n \($0); " } ?? ""
        let arguments = ["sh", "-c", limit + "exec \"$@\"", "sh", executable, name] + (port.map { [$0] } ?? [])
        var words = arguments.map { strdup($0) } + [nil]
        var values = variables.map { strdup($0) } + [nil]
        defer { for word in words + values { free(word) } }
        var process: pid_t = 0
        let error = posix_spawn(&process, "/bin/sh", &actions, nil, &words, &values)
        close(pair[1])
        (self.process, stream) = (process, pair[0])
        try #require(error == 0, "\(executable) does not start")
    }

    deinit {
        kill()
        close(stream)
    }

    /// Reads where it listens; apart from the start, so that many can start side by side.
    func readAddress() throws {
        let words = try line().split(separator: " ")
        try #require(words.first == "address", "\(words)")
        address = String(words[1])
    }

    var port: String { String(address.split(separator: "@")[0].split(separator: ":").last ?? "") }

    /// Sends a command without reading its answer, which `answered` does.
    func begin(_ command: String) {
        var rest = Array((command + "\n").utf8)[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { send(stream, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
            guard count > 0 else { return }
            rest = rest.dropFirst(count)
        }
    }

    func answered() throws {
        let answer = try line()
        try #require(answer == "ok", "\(name): \(answer)")
    }

    func tell(_ command: String) throws {
        begin(command)
        try answered()
    }

    /// The rest of an answer that begins with the word.
    func ask(_ command: String, _ word: String) throws -> String {
        begin(command)
        let answer = try line()
        try #require(answer.hasPrefix(word + " "), "\(name): \(answer)")
        return String(answer.dropFirst(word.count + 1))
    }

    func report() throws -> Report {
        begin("report")
        return try readReport()
    }

    func readReport() throws -> Report {
        var report = Report()
        while true {
            let words = try line().split(separator: " ", maxSplits: 3).map(String.init)
            switch words[0] {
            case "descriptors": report.descriptorCount = Int(words[1]) ?? 0
            case "pending": report.pendingCount = Int(words[1]) ?? 0
            case "sent": report.sentCount = Int(words[1]) ?? 0
            case "got":
                let numbers = words[3].split(separator: " ").compactMap { Int($0) }
                report.received[words[1], default: [:]][pid_t(words[2]) ?? 0] = numbers[0]
                report.lastReceived[pid_t(words[2]) ?? 0] = numbers[1]
            case "last": report.lastSent[words[1]] = Int(words[2])
            case "state": (report.states[words[1]], report.transports[words[1]]) = (words[2], words[3])
            case "failed": report.errors.append((words[1], words.dropFirst(2).joined(separator: " ")))
            case "lost" where words[3] == "unsent": report.lostAsUnsent.append(Int(words[2]) ?? 0)
            case "lost": report.lostAsSent.append(Int(words[2]) ?? 0)
            case "event": report.events.append((words[1], words.dropFirst(2).joined(separator: " ")))
            case "fault": report.faults.append(words.dropFirst().joined(separator: " "))
            default: return report
            }
        }
    }

    /// Asks until the condition holds.
    @discardableResult
    func poll(_ what: Comment, within patience: Duration = .seconds(30), until condition: (Report) -> Bool) throws
        -> Report
    {
        let deadline = ContinuousClock.now + patience
        while true {
            let report = try report()
            if condition(report) { return report }
            try #require(ContinuousClock.now < deadline, "\(name), not in time: \(what); \(report)")
            usleep(2_000)
        }
    }

    /// Stands still, as if its host were cut off: its streams stay open and nobody reads them.
    func hold() { Glibc.kill(process, SIGSTOP) }
    func goOn() { Glibc.kill(process, SIGCONT) }

    /// kill -9.
    func kill() {
        guard !isReaped else { return }
        Glibc.kill(process, SIGKILL)
        waitpid(process, nil, 0)
        isReaped = true
    }

    /// Lets it close everything in order.
    /// - Returns: its exit code, or the negated signal that ended it.
    func finish() throws -> Int32 {
        shutdown(stream, Int32(SHUT_WR))
        var status: Int32 = 0
        let deadline = ContinuousClock.now + .seconds(60)
        while waitpid(process, &status, WNOHANG) == 0 {
            try #require(ContinuousClock.now < deadline, "\(name) does not end")
            usleep(1_000)
        }
        isReaped = true
        return status & 0x7f == 0 ? status >> 8 & 0xff : -(status & 0x7f)
    }

    private func line() throws -> String {
        let deadline = ContinuousClock.now + .seconds(60)
        while true {
            if let end = bytes.firstIndex(of: UInt8(ascii: "\n")) {
                defer { bytes.removeSubrange(...end) }
                return String(decoding: bytes[..<end], as: UTF8.self)
            }
            try #require(ContinuousClock.now < deadline, "\(name) does not answer")
            var ready = pollfd(fd: stream, events: Int16(POLLIN), revents: 0)
            guard Glibc.poll(&ready, 1, 100) > 0 else { continue }
            var buffer = [UInt8](repeating: 0, count: 65_536)
            let count = read(stream, &buffer, buffer.count)
            try #require(count > 0, "\(name) has ended")
            bytes += buffer.prefix(count)
        }
    }
}
