import Foundation
import Glibc
import Testing

@Suite(.serialized) struct `handfast perf` {
    @Test func `measures every transport and writes all fields`() throws {
        let run = try ToolProcess.run(["perf", "--format", "json", "--sizes", "0,8,100k", "--iterations", "20"])
        #expect(run.code == 0, "\(run.errors)")
        let lines = try JSONLines(run.output)
        #expect(lines.transports.isSuperset(of: ["loopback", "tcp"]))
        // Shared memory may be impossible here, but not without a reason.
        #expect(lines.transports.contains("shm") || run.errors.contains("shm: does not work here"))
        #expect(lines.objects.count == lines.transports.count * 3 * 2)
        for object in lines.objects {
            #expect(Set(object.keys) == JSONLines.keys)
            #expect(object["iterations"] as? Int == 20)
            let (median, largest) = (object["p50_us"] as? Double ?? 0, object["max_us"] as? Double ?? 0)
            #expect(median > 0 && largest > 0)
        }
    }

    @Test func `verifies the content of all messages`() throws {
        let run = try ToolProcess.run([
            "perf", "--verify", "--format", "json", "--sizes", "1,7,4096,300000", "--iterations", "40",
        ])
        #expect(run.code == 0, "\(run.errors)")
        #expect(try JSONLines(run.output).transports.contains("tcp"))
    }

    /// Large payloads are read: by the system, from memory of the endpoint without it, and from some of it.
    @Test(arguments: [[], ["--allocate"]], ["4g", "1m"])
    func `verifies what is read from a peer's memory`(arguments: [String], limit: String) throws {
        let run = try ToolProcess.run(
            ["perf", "--verify", "--format", "json", "--sizes", "16k,300000,5m", "--iterations", "20"] + arguments,
            ["HANDFAST_SHM_HEAP_BYTES": limit, "HANDFAST_RENDEZVOUS_BYTES": "shm=16k"])
        #expect(run.code == 0, "\(run.errors)")
    }

    @Test func `says that there is no memory of the endpoint's to measure with`() throws {
        let words = "--allocate has no effect"
        for (limit, isTold) in [("0", true), ("64m", false)] {
            let run = try ToolProcess.run(
                ["perf", "--transport", "tcp", "--sizes", "8", "--iterations", "10", "--allocate"],
                ["HANDFAST_SHM_HEAP_BYTES": limit])
            #expect(run.code == 0 && run.output.contains(words) == isTold, "\(run.output)\(run.errors)")
        }
    }

    @Test func `measures loopback alone, too`() throws {
        let run = try ToolProcess.run([
            "perf", "--transport", "loopback", "--format", "json", "--sizes", "8", "--iterations", "10",
        ])
        #expect(run.code == 0, "\(run.errors)")
        #expect(try JSONLines(run.output).transports == ["loopback"])
    }

    @Test func `says why a transport is chosen`() throws {
        let run = try ToolProcess.run(["perf", "--sizes", "8", "--iterations", "10"], ["HANDFAST_TRANSPORTS": "^shm"])
        #expect(run.code == 0, "\(run.errors)")
        #expect(run.output.contains("shm: left out, excluded by HANDFAST_TRANSPORTS=^shm"))
        #expect(run.output.contains("\ntcp: chosen"))
        #expect(run.output.contains("p50 us"))
    }

    @Test func `writes the columns of pscom and CSV`() throws {
        let common = ["perf", "--transport", "tcp", "--sizes", "8,1k", "--iterations", "10", "--pin", "none"]
        let pscom = try ToolProcess.run(common + ["--format", "pscom"])
        let columns = pscom.output.split(separator: "\n").map { $0.split(separator: " ").map(String.init) }
        #expect(columns.first == ["msize", "loops", "time", "throughput"])
        #expect(columns.dropFirst(2).map(\.first) == ["8", "1024"])
        let csv = try ToolProcess.run(common + ["--format", "csv", "--test", "latency"])
        let cells = csv.output.split(separator: "\n").map { $0.split(separator: ",").map(String.init) }
        #expect(cells.first.map(Set.init) == JSONLines.keys)
        #expect(cells.count == 3 && cells.allSatisfy { $0.count == JSONLines.keys.count })
    }

    @Test(arguments: [
        (["perf", "--sizes", "8,x"], "\"x\" is no size"), (["perf", "--sizes", ""], "--sizes"),
        (["perf", "--format", "xml"], "'table', 'pscom', 'csv' or 'json'"),
        (["perf", "--pin", "0,1,2"], "--pin 0,1,2"),
        (["perf", "--iterations", "0"], "from 1 to"), (["perf", "--transport", "shn"], "did you mean shm"),
        (["perf", "--once"], "--listen"),
        (["perf", "--test", "memory", "--sizes", "8"], "--sizes has no effect with --test memory"),
        (["perf", "--test", "idle", "--iterations", "7"], "--iterations has no effect with --test idle"),
        (["perf", "--test", "connect", "--verify"], "--verify has no effect with --test connect"),
        (["perf", "--test", "sleep", "--allocate"], "--allocate has no effect with --test sleep"),
        (["perf", "--listen", "--test", "latency"], "--test has no effect with --listen"),
        (["perf", "--listen", "--verify"], "--verify has no effect with --listen"),
        (["perf", "--listen", "--connect", "127.0.0.1:1"], "exclude"),
        (["perf", "--connect", "127.0.0.1:99999"], "65535"), (["perf", "--connect", "10.0.0:5"], "10.0.0"),
        (["perf", "--listen", "127.0.0.1:x"], "port"), (["nonsense"], "nonsense"),
        (["perf", "--iterations", "many"], "many: allowed is a number from 1 to"),
        (["perf", "--iterations", "-5"], "-5: allowed is a number from 1 to"),
        (["perf", "--sizes", "-1"], "--sizes -1"),
        (["perf", "--pin", "-1"], "--pin -1"), (["perf", "--listen", "127.0.0.1@"], "--listen 127.0.0.1@"),
    ])
    func `refuses a wrong argument in one line`(arguments: [String], words: String) throws {
        let run = try ToolProcess.run(arguments)
        #expect(run.code == 64)
        #expect(run.output.isEmpty)
        #expect(run.errors.contains(words), "\(run.errors)")
        #expect(run.errors.hasPrefix("handfast: ") && run.errors.count { $0 == "\n" } == 1)
    }

    @Test(arguments: ["perf", "info"])
    func `refuses a wrong setting`(command: String) throws {
        let wrong = try ToolProcess.run([command], ["HANDFAST_SPIN_US": "soon"])
        #expect(wrong.code == 64 && wrong.errors.contains("HANDFAST_SPIN_US=\"soon\""), "\(wrong.errors)")
        let unknown = try ToolProcess.run([command], ["HANDFAST_SPINN_US": "3"])
        #expect(unknown.code == 64 && unknown.errors.contains("did you mean HANDFAST_SPIN_US"), "\(unknown.errors)")
    }

    @Test func `takes its second process along when it is killed`() throws {
        let tool = try ToolProcess(["perf", "--transport", "tcp", "--sizes", "8", "--iterations", "1000000000"])
        let companion = try Self.companion(in: tool.firstLine())
        tool.send(signal: SIGKILL)
        _ = try tool.finish()
        let deadline = ContinuousClock.now + .seconds(10)
        // Whoever adopted it may take its time to reap it.
        while kill(companion, 0) == 0, !Self.isZombie(companion), ContinuousClock.now < deadline { usleep(20_000) }
        #expect(kill(companion, 0) != 0 || Self.isZombie(companion))
    }

    @Test func `says that its second process was killed`() throws {
        let tool = try ToolProcess(["perf", "--transport", "tcp", "--sizes", "8", "--iterations", "1000000000"])
        let companion = try Self.companion(in: tool.firstLine())
        try tool.read { $0.outputText.contains("\ntcp: chosen") }
        kill(companion, SIGKILL)
        #expect(try tool.finish() == 1)
        #expect(tool.errorText.contains("the second process is gone: signal 9 killed it"), "\(tool.errorText)")
    }

    @Test func `says of a peer that is stopped who it is, and what was under way`() throws {
        let endless = ["--sizes", "8", "--test", "latency", "--iterations", "1000000000"]
        let alone = try ToolProcess(["perf", "--transport", "tcp"] + endless)
        let companion = try Self.companion(in: alone.firstLine())
        let listener = try ToolProcess(["perf", "--listen", "127.0.0.1:0@server", "--transport", "tcp"])
        let client = try ToolProcess(["perf", "--connect", listener.firstLine()] + endless)
        for tool in [alone, client] { try tool.read { $0.outputText.contains("tcp: chosen") } }
        kill(companion, SIGSTOP)
        listener.send(signal: SIGSTOP)
        // What was not yet echoed, or not yet asked for, is silent from here on.
        #expect(try alone.finish() == 1 && client.finish() == 1)
        let silence = "has been silent for 20.0 seconds; its process may be stopped"
        for (tool, peer) in [(alone, "the second process (\(companion))"), (client, "peer server at 127.0.0.1")] {
            #expect(tool.errorText.contains("tcp, latency of 8 bytes: \(peer) \(silence)"), "\(tool.errorText)")
        }
        #expect(kill(companion, 0) != 0 || Self.isZombie(companion))
    }

    /// From "Process 5 on core 0 measures, process 6 on core 1 echoes."
    private static func companion(in line: String) throws -> pid_t {
        let words = line.split(separator: " ")
        let place = try #require(words.lastIndex(of: "process"), "\(line)")
        return try #require(pid_t(words[place + 1]), "\(line)")
    }

    private static func isZombie(_ process: pid_t) -> Bool {
        let status = try? String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8)
        return status?.contains(") Z ") ?? true
    }
}
