import Glibc
import Testing

@Suite(.serialized) struct `handfast perf between two commands` {
    @Test(arguments: ["tcp", "shm,tcp"])
    func `measures against a listener that ends with its first client`(transports: String) throws {
        let listener = try ToolProcess(["perf", "--listen", "127.0.0.1", "--once", "--transport", transports])
        let address = try listener.firstLine()
        let run = try ToolProcess.run([
            "perf", "--connect", address, "--format", "json", "--sizes", "8,20k", "--iterations", "50", "--verify",
        ])
        #expect(run.code == 0, "\(run.errors)")
        #expect(try JSONLines(run.output).objects.count == 4)
        #expect(try listener.finish() == 0)
    }

    @Test func `does not take for a client who only asks what would work`() throws {
        let listener = try ToolProcess(["perf", "--listen", "127.0.0.1", "--once", "--transport", "shm,tcp"])
        let address = try listener.firstLine()
        let explained = try ToolProcess.run(["explain", address])
        #expect(explained.code == 0, "\(explained.errors)")
        try listener.read { $0.errorText.contains("(after 0 messages)") }
        let run = try ToolProcess.run([
            "perf", "--connect", address, "--format", "json", "--sizes", "8", "--iterations", "50",
        ])
        #expect(run.code == 0, "\(run.errors)")
        #expect(try listener.finish() == 0)
    }

    @Test func `serves several clients, also after one was killed`() throws {
        let listener = try ToolProcess(["perf", "--listen", "localhost:0@server"])
        let address = try listener.firstLine()
        #expect(address.hasSuffix("@server"))
        let common = ["perf", "--connect", address, "--sizes", "8", "--test", "latency", "--format", "json"]
        let first = try ToolProcess(common + ["--iterations", "1000000000"])
        try listener.read { $0.errorText.contains("is connected") }
        let second = try ToolProcess.run(common + ["--iterations", "100"])
        #expect(second.code == 0, "\(second.errors)")
        first.send(signal: SIGKILL)
        _ = try first.finish()
        try listener.read { $0.errorText.contains("vanished") }
        #expect(try ToolProcess.run(common + ["--iterations", "100"]).code == 0)
        listener.send(signal: SIGINT)
        #expect(try listener.finish() == 0)
    }

    @Test(arguments: ["tcp", "shm"])
    func `ends with an error when the listener is killed`(transport: String) throws {
        let listener = try ToolProcess(["perf", "--listen", "127.0.0.1", "--transport", "\(transport)"])
        let address = try listener.firstLine()
        let client = try ToolProcess(["perf", "--connect", address, "--sizes", "8", "--iterations", "1000000000"])
        try listener.read { $0.errorText.contains("is connected") }
        try client.read { $0.outputText.contains("chosen") }
        listener.send(signal: SIGKILL)
        let start = ContinuousClock.now
        #expect(try client.finish() == 1)
        #expect(ContinuousClock.now - start < .seconds(5))
        #expect(client.errorText.contains("vanished"), "\(client.errorText)")
    }

    @Test func `says that nobody listens`() throws {
        let run = try ToolProcess.run(["perf", "--connect", "127.0.0.1:1"])
        #expect(run.code == 1)
        #expect(run.errors.contains("127.0.0.1:1"), "\(run.errors)")
    }
}
