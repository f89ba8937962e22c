import Glibc

/// One of the two streams of the process, unbuffered, so that what is written is seen at once, in a pipe too.
struct Output: Sendable {
    static let standard = Output(descriptor: STDOUT_FILENO)
    static let standardError = Output(descriptor: STDERR_FILENO)

    let descriptor: Int32

    var isTerminal: Bool { isatty(descriptor) == 1 }

    /// Ends the process when the standard output takes no more: figures that are lost must not look like success.
    func write(_ text: String) {
        var text = text
        text.withUTF8 { bytes in
            var rest = UnsafeRawBufferPointer(bytes)
            while !rest.isEmpty {
                let count = Glibc.write(descriptor, rest.baseAddress, rest.count)
                if count < 0, errno == EINTR { continue }
                guard count > 0 else { return fail(errno) }
                rest = UnsafeRawBufferPointer(rebasing: rest[count...])
            }
        }
    }

    private func fail(_ systemError: Int32) {
        // There is no place to say that nothing can be said.
        guard descriptor != STDERR_FILENO else { return }
        let reason = String(cString: strerror(systemError))
        Self.standardError.write("handfast: the standard output cannot be written: \(reason)\n")
        exit(ToolError.failureExitCode)
    }

    /// Fills what the caller has closed, so that no socket gets the number of a stream and takes its text.
    static func claimStreams() {
        for descriptor in [STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO] where fcntl(descriptor, F_GETFD) < 0 {
            // Not for writing where figures belong: then their loss is an error.
            _ = open("/dev/null", descriptor == STDERR_FILENO ? O_WRONLY : O_RDONLY)
        }
    }
}
