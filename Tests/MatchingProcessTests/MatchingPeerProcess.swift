import Foundation
import Glibc
import Handfast
import MatchingReference

/// The other process, see `MatchingPeer`. It ends with its last reference.
final class MatchingPeerProcess {
    static let patience = Duration.seconds(60)

    private let process: pid_t
    /// Its standard input and output.
    private let stream: Int32
    private var input: LineInput
    private var isReaped = false

    init(_ environment: [String: String]) throws {
        var pair: [Int32] = [-1, -1]
        let made = socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0, &pair)
        try MatchingFailure.check(made == 0, "no stream to the peer")
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, pair[1], STDIN_FILENO)
        posix_spawn_file_actions_adddup2(&actions, pair[1], STDOUT_FILENO)
        let variables = ProcessInfo.processInfo.environment.merging(environment) { $1 }
        let tests = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
        let executable = URL(fileURLWithPath: tests).deletingLastPathComponent().appendingPathComponent("MatchingPeer")
            .path
        var words = [strdup(executable), nil]
        var values = variables.map { strdup("\($0.key)=\($0.value)") } + [nil]
        defer { for word in words + values { free(word) } }
        var process: pid_t = 0
        let error = posix_spawn(&process, executable, &actions, nil, &words, &values)
        close(pair[1])
        (self.process, stream, input) = (process, pair[0], LineInput(descriptor: pair[0]))
        try MatchingFailure.check(error == 0, "\(executable) does not start")
    }

    deinit {
        kill()
        close(stream)
    }

    func tell(_ lines: String...) { tell(lines) }

    func tell(_ lines: [String]) {
        var rest = Array(lines.map { $0 + "\n" }.joined().utf8)[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { send(stream, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
            // Who has ended does not answer, and that is told.
            guard count > 0 else { return }
            rest = rest.dropFirst(count)
        }
    }

    /// The rest of its next answer, which begins with this word.
    /// - Parameter endpoint: what must go on in the meantime.
    func answer(_ word: String, _ endpoint: Endpoint? = nil) throws -> [String] {
        if let endpoint {
            _ = drive(endpoint) { input.fill(milliseconds: 0) }
        } else {
            _ = input.fill(milliseconds: 60_000)
        }
        let line = input.next() ?? (input.hasEnded ? "nothing, it has ended" : "nothing in time")
        let words = line.split(separator: " ").map(String.init)
        try MatchingFailure.check(words.first == word, "the peer should say \(word) and says: \(line)")
        return Array(words.dropFirst())
    }

    /// What comes by other ways than the endpoint does not wake it, so that it is to look again and again.
    /// - Returns: whether the condition held in time.
    private func drive(_ endpoint: Endpoint, until condition: () -> Bool) -> Bool {
        let deadline = ContinuousClock.now + Self.patience
        while ContinuousClock.now < deadline {
            if endpoint.wait(timeout: .milliseconds(1), until: condition) { return true }
        }
        return condition()
    }

    /// kill -9.
    func kill() {
        guard !isReaped else { return }
        Glibc.kill(process, SIGKILL)
        waitpid(process, nil, 0)
        isReaped = true
    }

    /// Nothing more comes to it; it closes in order.
    func finish(_ endpoint: Endpoint) throws {
        shutdown(stream, Int32(SHUT_WR))
        var status: Int32 = 0
        isReaped = drive(endpoint) { waitpid(process, &status, WNOHANG) != 0 }
        let line = input.fill(milliseconds: 0) ? input.next() ?? "" : ""
        try MatchingFailure.check(isReaped && status == 0, "the peer ends with status \(status): \(line)")
    }
}
