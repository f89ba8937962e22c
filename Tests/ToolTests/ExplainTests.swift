import Foundation
import Testing

@Suite(.serialized) struct `handfast explain` {
    @Test func `tells both sides' verdicts and the time of each step`() throws {
        let listener = try ToolProcess(["perf", "--listen", "127.0.0.1:0@server", "--transport", "tcp"])
        let address = try listener.firstLine()
        let run = try ToolProcess.run(["explain", address, "--transport", "shm,tcp", "--format", "json"])
        #expect(run.code == 0, "\(run.errors)")
        let object = try #require(try JSONLines(run.output).objects.first)
        #expect(object["peer"] as? String == "server" && object["transport"] as? String == "tcp")
        #expect(object["error"] is NSNull)
        let verdicts = try #require(object["transports"] as? [[String: String]])
        #expect(verdicts.map { $0["transport"] } == ["loopback", "shm", "tcp"])
        #expect(verdicts[0]["outcome"] == "excluded" && verdicts[2]["outcome"] == "chosen")
        // Shared memory may be impossible here; else the peer says that it was started without.
        if verdicts[1]["outcome"] == "refused-by-peer" {
            #expect(verdicts[1]["there"]?.contains("not named by") == true, "\(verdicts[1])")
        }
        let phases = try #require(object["phases"] as? [[String: Any]])
        let names = phases.compactMap { $0["phase"] as? String }
        #expect(names.first?.hasPrefix("TCP connect to 127.0.0.1:") == true && names.contains("tcp"), "\(names)")
        #expect(names.contains { $0.hasPrefix("handshake with 127.0.0.1:") })
        #expect(phases.allSatisfy { $0["duration_us"] as? Double ?? -1 >= 0 }, "\(phases)")
    }

    @Test func `asks the peer of what the connect did not need`() throws {
        for (transports, outcome) in [("tcp,shm", "not-needed"), ("tcp", "refused-by-peer")] {
            let listener = try ToolProcess(["perf", "--listen", "127.0.0.1:0@server", "--transport", transports])
            let run = try ToolProcess.run(
                ["explain", listener.firstLine(), "--transport", "tcp,shm", "--format", "json"])
            #expect(run.code == 0, "\(run.errors)")
            let object = try #require(try JSONLines(run.output).objects.first)
            #expect(object["transport"] as? String == "tcp")
            let verdicts = try #require(object["transports"] as? [[String: String]])
            let shm = try #require(verdicts.first { $0["transport"] == "shm" })
            // Where shared memory is impossible, this side says so before the peer is asked.
            guard shm["outcome"] != "refused-here" else { continue }
            #expect(shm["outcome"] == outcome, "\(shm)")
            if outcome == "refused-by-peer" { #expect(shm["there"]?.contains("not named by") == true, "\(shm)") }
        }
    }

    @Test func `tells people the same`() throws {
        let listener = try ToolProcess(["perf", "--listen", "127.0.0.1:0@server"])
        let run = try ToolProcess.run(["explain", listener.firstLine(), "--transport", "tcp"])
        #expect(run.code == 0, "\(run.errors)")
        #expect(run.output.contains("@server, server, on this host: connected over tcp\n"), "\(run.output)")
        #expect(run.output.contains("the peer\n") && run.output.contains("accepted"))
        #expect(run.output.contains("TCP connect to 127.0.0.1:"))
    }

    @Test func `tells the same with the error when there is no connection`() throws {
        let run = try ToolProcess.run(["explain", "127.0.0.1:1"], ["HANDFAST_CONNECT_DEADLINE_MS": "100"])
        #expect(run.code == 1)
        #expect(run.output.hasPrefix("127.0.0.1:1: no connection\nerror: "), "\(run.output)")
        #expect(run.output.contains("transport  this side") && run.output.contains("not asked"))
        #expect(run.output.contains("TCP connect to 127.0.0.1:1"), "\(run.output)")
        #expect(run.errors.contains("127.0.0.1:1"))
        let peer = try ToolProcess(["perf", "--listen", "127.0.0.1", "--transport", "tcp"])
        let refused = try ToolProcess.run(["explain", peer.firstLine(), "--transport", "shm", "--format", "json"])
        #expect(refused.code == 1)
        let object = try #require(try JSONLines(refused.output).objects.first)
        #expect((object["error"] as? String)?.contains("no transport works") == true, "\(refused.output)")
    }

    @Test func `refuses a wrong address`() throws {
        let run = try ToolProcess.run(["explain", "127.0.0.1:99999"])
        #expect(run.code == 64 && run.output.isEmpty)
        #expect(run.errors.hasPrefix("handfast: explain 127.0.0.1:99999: "), "\(run.errors)")
    }
}
