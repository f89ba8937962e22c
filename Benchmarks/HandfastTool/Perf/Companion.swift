import Glibc
import Handfast

/// The second process of a run on one host: this program again, which echoes. It never outlives this process, because
/// it ends with its standard input.
struct Companion: ~Copyable {
    private static let patience: Int32 = 10_000

    let process: pid_t
    let address: EndpointAddress
    /// Held open while the companion is to live.
    private let lifeline: Int32

    /// - Parameter arguments: what follows the name of the program.
    init(arguments: [String]) throws {
        let (childInput, lifeline) = try Self.makePipe()
        let (answers, childOutput) = try Self.makePipe()
        defer { close(answers) }
        let process: pid_t
        do {
            defer {
                close(childInput)
                close(childOutput)
            }
            process = try Self.spawn(arguments, input: childInput, output: childOutput)
        } catch {
            close(lifeline)
            throw error
        }
        do {
            address = try EndpointAddress(parsing: Self.readLine(answers))
        } catch {
            let end = Self.end(process, lifeline)
            throw ToolError.failure(
                "the second process did not say its address: \(end ?? (error as? ToolError)?.message ?? "\(error)")")
        }
        self.process = process
        self.lifeline = lifeline
    }

    deinit { _ = Self.end(process, lifeline) }

    /// How it ended, if it does within a moment: a process that is killed closes its sockets a little before.
    func fateSoon() -> String? {
        for _ in 0..<50 {
            if let fate = fate() { return fate }
            usleep(10_000)
        }
        return nil
    }

    /// How it ended, if it has; nil while it lives.
    private func fate() -> String? {
        var status: Int32 = 0
        // Not reaped: its number stays its own until `deinit`.
        var information = siginfo_t()
        guard waitid(P_PID, id_t(process), &information, WEXITED | WNOHANG | WNOWAIT) == 0,
            information._sifields._sigchld.si_pid == process
        else { return nil }
        status = information._sifields._sigchld.si_status
        return information.si_code == CLD_EXITED ? "it ended with code \(status)" : "signal \(status) killed it"
    }

    private static func end(_ process: pid_t, _ lifeline: Int32) -> String? {
        close(lifeline)
        var status: Int32 = 0
        let isDead = waitpid(process, &status, WNOHANG) == process
        if !isDead {
            kill(process, SIGKILL)
            while waitpid(process, &status, 0) < 0, errno == EINTR {}
            return nil
        }
        let signal = status & 0x7f
        return signal == 0 ? "it ended with code \(status >> 8 & 0xff)" : "signal \(signal) killed it"
    }

    private static func makePipe() throws(ToolError) -> (read: Int32, write: Int32) {
        var pair: [Int32] = [-1, -1]
        guard pipe(&pair) == 0 else {
            throw .failure("no pipe for the second process: \(String(cString: strerror(errno)))")
        }
        for descriptor in pair { _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC) }
        return (pair[0], pair[1])
    }

    private static func spawn(_ arguments: [String], input: Int32, output: Int32) throws(ToolError) -> pid_t {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO)
        posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO)
        let environment = Settings.processEnvironment().map { "\($0.key)=\($0.value)" }
        var words = (["handfast"] + arguments).map { strdup($0) } + [nil]
        var variables = environment.map { strdup($0) } + [nil]
        defer { for word in words + variables { free(word) } }
        var process: pid_t = 0
        let error = posix_spawn(&process, "/proc/self/exe", &actions, nil, &words, &variables)
        guard error == 0 else {
            throw .failure("the second process cannot be started: \(String(cString: strerror(error)))")
        }
        return process
    }

    /// - Throws: when no whole line comes in time.
    private static func readLine(_ descriptor: Int32) throws(ToolError) -> String {
        var line: [UInt8] = []
        var byte: UInt8 = 0
        while true {
            var waiting = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            guard poll(&waiting, 1, patience) > 0 else { throw .failure("nothing came within \(patience / 1000) s") }
            guard read(descriptor, &byte, 1) == 1 else { throw .failure("its output ended") }
            if byte == UInt8(ascii: "\n") { return String(decoding: line, as: UTF8.self) }
            line.append(byte)
        }
    }
}
