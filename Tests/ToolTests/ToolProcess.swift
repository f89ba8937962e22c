import Foundation
import Glibc
import Testing

/// The tool as a user runs it: another process, from the executable beside the tests.
final class ToolProcess {
    private static let patience = Duration.seconds(60)

    let process: pid_t
    private let output: Int32
    private let errors: Int32
    private var outputBytes: [UInt8] = []
    private var errorBytes: [UInt8] = []
    private var isReaped = false

    var outputText: String { String(decoding: outputBytes, as: UTF8.self) }
    var errorText: String { String(decoding: errorBytes, as: UTF8.self) }

    /// - Parameters:
    ///   - environment: added to that of the tests.
    ///   - outputPath: where its output goes instead of here; `/dev/closed` for a stream that is closed.
    ///   - descriptorLimit: the soft and the hard one; nil for that of the tests.
    init(
        _ arguments: [String], _ environment: [String: String] = [:], outputPath: String? = nil,
        descriptorLimit: Int? = nil
    ) throws {
        var pipes: [[Int32]] = [[-1, -1], [-1, -1]]
        for index in pipes.indices {
            try #require(pipe(&pipes[index]) == 0)
            for descriptor in pipes[index] { _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC) }
        }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0)
        if outputPath == "/dev/closed" {
            posix_spawn_file_actions_addclose(&actions, STDOUT_FILENO)
        } else if let outputPath {
            posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, outputPath, O_WRONLY, 0)
        } else {
            posix_spawn_file_actions_adddup2(&actions, pipes[0][1], STDOUT_FILENO)
        }
        posix_spawn_file_actions_adddup2(&actions, pipes[1][1], STDERR_FILENO)
        let variables = ProcessInfo.processInfo.environment.merging(environment) { $1 }.map { "\($0.key)=\($0.value)" }
        let executable = try Self.executable()
        let limited = ["sh", "-c", "ulimit -n \(descriptorLimit ?? 0); exec \"$@\"", "sh", executable]
        var words = ((descriptorLimit == nil ? ["handfast"] : limited) + arguments).map { strdup($0) } + [nil]
        var values = variables.map { strdup($0) } + [nil]
        defer { for word in words + values { free(word) } }
        var process: pid_t = 0
        let error = posix_spawn(
            &process, descriptorLimit == nil ? executable : "/bin/sh", &actions, nil, &words, &values)
        close(pipes[0][1])
        close(pipes[1][1])
        self.process = process
        (output, errors) = (pipes[0][0], pipes[1][0])
        try #require(error == 0)
    }

    deinit {
        if !isReaped {
            kill(process, SIGKILL)
            waitpid(process, nil, 0)
        }
        close(output)
        close(errors)
    }

    private static func executable() throws -> String {
        let tests = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
        let path = URL(fileURLWithPath: tests).deletingLastPathComponent().appendingPathComponent("handfast").path
        try #require(FileManager.default.isExecutableFile(atPath: path), "\(path) is not there")
        return path
    }

    func send(signal: Int32) { kill(process, signal) }

    /// Reads until the condition holds or both streams end.
    func read(until condition: (ToolProcess) -> Bool) throws {
        let deadline = ContinuousClock.now + Self.patience
        var open = [output, errors]
        while !condition(self), !open.isEmpty {
            try #require(ContinuousClock.now < deadline, "no end; it wrote \(outputText) and \(errorText)")
            var waiting = open.map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
            poll(&waiting, nfds_t(waiting.count), 100)
            for entry in waiting where entry.revents != 0 {
                var bytes = [UInt8](repeating: 0, count: 65_536)
                let count = Glibc.read(entry.fd, &bytes, bytes.count)
                if count <= 0 { open.removeAll { $0 == entry.fd } }
                if entry.fd == output { outputBytes += bytes.prefix(max(count, 0)) }
                if entry.fd == errors { errorBytes += bytes.prefix(max(count, 0)) }
            }
        }
    }

    /// The first line of the output.
    func firstLine() throws -> String {
        try read { $0.outputBytes.contains(UInt8(ascii: "\n")) }
        return String(try #require(outputText.split(separator: "\n").first, "\(errorText)"))
    }

    /// Reads all that it writes.
    /// - Returns: its exit code, or the negated signal that ended it.
    func finish() throws -> Int32 {
        try read { _ in false }
        var status: Int32 = 0
        waitpid(process, &status, 0)
        isReaped = true
        return status & 0x7f == 0 ? status >> 8 & 0xff : -(status & 0x7f)
    }

    /// Runs it to its end.
    static func run(
        _ arguments: [String], _ environment: [String: String] = [:], outputPath: String? = nil
    ) throws -> (code: Int32, output: String, errors: String) {
        let tool = try ToolProcess(arguments, environment, outputPath: outputPath)
        let code = try tool.finish()
        return (code, tool.outputText, tool.errorText)
    }
}
