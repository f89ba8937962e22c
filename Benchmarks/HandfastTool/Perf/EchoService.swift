import DefaultTransports
import Glibc
import Handfast

/// Echoes for others until it is told to end.
struct EchoService {
    /// How long an end may go unnoticed; nothing else waits for it.
    private static let turn = Duration.milliseconds(100)
    private static let signals = [SIGINT, SIGTERM]

    let place: Place.Listening
    let selection: TransportSelection?
    let sizes: [Int]
    /// With the first client.
    let endsAfterFirst: Bool
    /// With the standard input, and in silence.
    let isCompanion: Bool
    /// Buffers are memory of the endpoint.
    let allocates: Bool
    let pinning: Pinning

    func run() throws {
        // Held back and asked for, so that an end is orderly without a handler.
        var ends = sigset_t()
        sigemptyset(&ends)
        for signal in Self.signals { sigaddset(&ends, signal) }
        sigprocmask(SIG_BLOCK, &ends, nil)
        if case .cores(_, let core) = pinning {
            try Cores.pin(to: core)
            if !isCompanion { log("pinned to core \(core)") }
        }
        let endpoint = try Endpoint(name: place.name, selection: selection)
        let address = try endpoint.listen(on: place.host, port: place.port)
        Output.standard.write("\(address)\n")
        if !isCompanion { log("echoing there; measure with: handfast perf --connect \(address), or pscom_pp -c") }
        var server = EchoServer(
            endpoint, payloadByteCount: sizes.max() ?? 0, allocates: allocates, log: isCompanion ? { _ in } : log)
        while !isToldToEnd(server) {
            var steps = 0
            _ = endpoint.wait(timeout: Self.turn) {
                server.step()
                steps += 1
                return steps >= 1 << 20 || (endsAfterFirst && server.closedCount + server.lostCount > 0)
            }
        }
        server.close()
        _ = endpoint.wait(timeout: .seconds(2)) {
            server.step()
            return server.isIdle
        }
        if endsAfterFirst, server.lostCount > 0 { throw ToolError.failure("the client was lost") }
    }

    private func isToldToEnd(_ server: borrowing EchoServer) -> Bool {
        if endsAfterFirst, server.closedCount + server.lostCount > 0 { return true }
        var pending = sigset_t()
        sigpending(&pending)
        if Self.signals.contains(where: { sigismember(&pending, $0) == 1 }) { return true }
        guard isCompanion else { return false }
        var input = pollfd(fd: STDIN_FILENO, events: Int16(POLLIN), revents: 0)
        return poll(&input, 1, 0) > 0
    }

    private func log(_ line: String) { Output.standardError.write("handfast: \(line)\n") }
}
