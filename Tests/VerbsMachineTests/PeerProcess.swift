import Foundation
import Glibc
import Handfast
import MatchingReference
import Testing

/// The other process, see `CommandedPeer` of VerbsPeer. It is killed with its last reference.
final class PeerProcess {
    static let patience = Duration.seconds(60)
    /// Where it listens.
    private(set) var address = ""
    private let process: pid_t
    /// Its standard input and output.
    private let stream: Int32
    private var input: LineInput
    private var isReaped = false

    init(
        _ name: String, on host: String = Guest.far, environment: [String: String] = ["HANDFAST_TRANSPORTS": "verbs"]
    ) throws {
        var pair: [Int32] = [-1, -1]
        try #require(socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0, &pair) == 0)
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, pair[1], STDIN_FILENO)
        posix_spawn_file_actions_adddup2(&actions, pair[1], STDOUT_FILENO)
        let tests = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
        let executable = URL(fileURLWithPath: tests).deletingLastPathComponent().appending(path: "VerbsPeer").path
        let variables = ProcessInfo.processInfo.environment.merging(environment) { $1 }
        var words = [strdup(executable), strdup(name), strdup(host), nil]
        var values = variables.map { strdup("\($0.key)=\($0.value)") } + [nil]
        defer { for word in words + values { free(word) } }
        var process: pid_t = 0
        let error = posix_spawn(&process, executable, &actions, nil, &words, &values)
        close(pair[1])
        (self.process, stream, input) = (process, pair[0], LineInput(descriptor: pair[0]))
        try #require(error == 0, "\(executable) does not start")
        address = try answer("address")
    }

    deinit {
        kill()
        close(stream)
    }

    func tell(_ command: String) {
        let bytes = Array((command + "\n").utf8)
        _ = bytes.withUnsafeBytes { send(stream, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
    }

    /// The rest of its next answer, which begins with this word.
    /// - Parameter endpoint: what must go on in the meantime.
    func answer(_ word: String, _ endpoint: Endpoint? = nil) throws -> String {
        if let endpoint {
            let deadline = ContinuousClock.now + Self.patience
            while !input.fill(milliseconds: 0), ContinuousClock.now < deadline {
                _ = endpoint.wait(timeout: .milliseconds(2)) { false }
            }
        } else {
            _ = input.fill(milliseconds: 60_000)
        }
        let line = input.next() ?? (input.hasEnded ? "nothing, it has ended" : "nothing in time")
        let parts = line.split(separator: " ", maxSplits: 1).map(String.init)
        try #require(parts.first == word, "the peer should say \(word) and says: \(line)")
        return parts.count > 1 ? parts[1] : ""
    }

    func ask(_ command: String, _ word: String, _ endpoint: Endpoint? = nil) throws -> String {
        tell(command)
        return try answer(word, endpoint)
    }

    /// kill -9.
    func kill() {
        guard !isReaped else { return }
        Glibc.kill(process, SIGKILL)
        waitpid(process, nil, 0)
        isReaped = true
    }

    /// Stands still: its streams stay open and nobody reads them.
    func hold() { Glibc.kill(process, SIGSTOP) }
}
