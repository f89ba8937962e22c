import Glibc

/// The other process of a rule: a real child, killed and collected when it is no longer needed.
final class PeerProcess {
    let control: ControlStream
    /// This side's end of the handshake's stream; whoever opens a channel over it closes it.
    let stream: Int32
    private var id: pid_t = 0

    /// - Parameter variables: its environment, `NAME=VALUE`.
    init(
        _ executable: String, transport: String, role: String, task: PeerTask, variables: [String]
    ) throws {
        let streams = try SocketPair()
        var controls: [Int32] = [-1, -1]
        guard socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0, &controls) == 0 else {
            throw BrokenRule("no control stream (errno \(errno))")
        }
        stream = streams.near
        control = ControlStream(descriptor: controls[0])
        defer {
            close(streams.far)
            close(controls[1])
        }
        // Out of the way of the numbers that they get in the child.
        let given = [streams.far, controls[1]].map { fcntl($0, F_DUPFD, 10) }
        for descriptor in given { _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC) }
        defer { for descriptor in given { close(descriptor) } }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, given[0], PeerTask.streamDescriptor)
        posix_spawn_file_actions_adddup2(&actions, given[1], PeerTask.controlDescriptor)
        let words: [String] = [executable, transport, role, task.rawValue]
        var arguments: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) } + [nil]
        defer { for argument in arguments { free(argument) } }
        var environment: [UnsafeMutablePointer<CChar>?] = variables.map { strdup($0) } + [nil]
        defer { for variable in environment { free(variable) } }
        let error = posix_spawn(&id, executable, &actions, nil, &arguments, &environment)
        guard error == 0 else { throw BrokenRule("\(executable) does not start (errno \(error))") }
    }

    /// Ends it in the middle of whatever it does.
    func kill() {
        guard id > 0 else { return }
        Glibc.kill(id, SIGKILL)
        var status: Int32 = 0
        waitpid(id, &status, 0)
        id = 0
    }

    deinit { kill() }
}
