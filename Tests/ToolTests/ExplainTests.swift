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
        #expect(verdicts.map { $0["transport"] } == ["loopback", "shm", "verbs", "tcp"])
        #expect(verdicts[0]["outcome"] == "excluded" && verdicts[3]["outcome"] == "chosen")
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

    @Test(arguments: [
        ("127.0.0.1:99999", 11), ("fe80::1:5", 1), ("a b:1", 1), ("node7:1@", 9), ("[fe80::1]:5", 2),
    ])
    func `refuses a wrong address, and says where it is wrong`(text: String, byte: Int) throws {
        for command in [["explain", text], ["perf", "--connect", text]] {
            let run = try ToolProcess.run(command)
            #expect(run.code == 64 && run.output.isEmpty, "\(run.output)")
            #expect(
                run.errors.hasPrefix("handfast: \(command.dropLast().last!) \(text): the endpoint address"),
                "\(run.errors)")
            #expect(run.errors.contains("is wrong at byte \(byte): "), "\(run.errors)")
        }
    }

    @Test func `leaves host names to the library`() throws {
        let listener = try ToolProcess(["perf", "--listen", "127.0.0.1:0@server"])
        let port = try #require(listener.firstLine().split(separator: "@").first?.split(separator: ":").last)
        let run = try ToolProcess.run(["explain", "LOCALHOST:\(port)@server", "--transport", "tcp"])
        #expect(run.code == 0, "\(run.errors)")
        #expect(run.output.hasPrefix("LOCALHOST:\(port)@server, server, on this host: connected"), "\(run.output)")
        let unknown = try ToolProcess.run(["explain", "nowhere.invalid:1@x"])
        #expect(unknown.code == 1)
        #expect(unknown.errors.contains("the host name \"nowhere.invalid\", at byte 1 of"), "\(unknown.errors)")
    }

    @Test func `says nothing of a peer that did not answer`() throws {
        let run = try ToolProcess.run(["explain", "127.0.0.1:1@x"], ["HANDFAST_CONNECT_DEADLINE_MS": "100"])
        #expect(run.output.hasPrefix("127.0.0.1:1@x: no connection\n"), "\(run.output)")
    }
}
