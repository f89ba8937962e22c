import Testing

@Suite(.serialized) struct `handfast perf with many connections` {
    private static func rows(_ arguments: [String]) throws -> [[String: Any]] {
        let run = try ToolProcess.run(["perf", "--format", "json"] + arguments)
        #expect(run.code == 0, "\(run.errors)")
        return try JSONLines(run.output).objects
    }

    @Test func `tells connects a second and set-up times`() throws {
        let rows = try Self.rows(["--test", "connect", "--connections", "5,40", "--transport", "tcp"])
        #expect(rows.map { $0["connections"] as? Int } == [5, 40])
        for row in rows {
            #expect(Set(row.keys) == ["transport", "test", "connections", "connects_per_s", "p50_us", "p99_us"])
            #expect(row["transport"] as? String == "tcp" && row["test"] as? String == "connect")
            #expect(row["connects_per_s"] as? Double ?? 0 > 0)
            let (median, late) = (row["p50_us"] as? Double ?? 0, row["p99_us"] as? Double ?? 0)
            #expect(median > 0 && late >= median)
        }
    }

    @Test func `tells the memory of connections of every kind, which is little`() throws {
        let rows = try Self.rows(["--test", "memory", "--connections", "1600"])
        let kinds = rows.compactMap { $0["transport"] as? String }
        #expect(Set(kinds).isSuperset(of: ["on-demand", "tcp"]))
        for row in rows {
            #expect(row["connections"] as? Int == 1_600)
            let bytes = row["bytes_per_connection"] as? Double ?? 0
            // What doubles as it grows has room to spare here, what grows in pieces of 64 has none.
            let limit: Double = ["on-demand": 400, "tcp": 1_024][row["transport"] as? String ?? ""] ?? 1_536
            #expect((100...limit).contains(bytes), "\(row)")
            let shared = row["shared_bytes_per_connection"] as? Double ?? -1
            #expect(row["transport"] as? String == "shm" ? (1...16_384).contains(shared) : shared == 0, "\(row)")
        }
    }

    @Test func `tells the time of a message to one of many peers, and of the first after a silence`() throws {
        for (test, connections) in [("crowd", [1, 9]), ("sleep", [1])] {
            let counts = connections.map(String.init).joined(separator: ",")
            let rows = try Self.rows(["--test", test, "--connections", counts])
            #expect(Set(rows.compactMap { $0["transport"] as? String }).contains("tcp"))
            #expect(rows.count % connections.count == 0)
            for (row, count) in zip(rows, connections + connections) {
                #expect(row["connections"] as? Int == count)
                #expect(row["p50_us"] as? Double ?? 0 > 0, "\(row)")
            }
        }
    }

    @Test func `tells what a call of progress costs beside idle connections`() throws {
        let rows = try Self.rows(["--test", "idle", "--connections", "1,30"])
        #expect(rows.count >= 3 * 2)
        for row in rows {
            #expect(Set(row.keys) == ["transport", "test", "connections", "ns_per_progress"])
            #expect(row["ns_per_progress"] as? Double ?? 0 > 0)
        }
        let demanded = rows.filter { $0["transport"] as? String == "on-demand" }
        #expect(demanded.map { $0["connections"] as? Int } == [1, 30])
    }

    @Test(arguments: [
        (["--test", "connect", "--connections", "0"], "from 1 to"), (["--connections", "5"], "--test connect"),
        (["--test", "memory", "--connections", "5,"], "\"\" is no number"),
        (["--test", "idle", "--format", "pscom"], "table, csv and json"),
        (["--test", "idle", "--connect", "127.0.0.1:1"], "--connect"),
    ])
    func `refuses a wrong argument in one line`(arguments: [String], words: String) throws {
        let run = try ToolProcess.run(["perf"] + arguments)
        #expect(run.code == 64 && run.output.isEmpty)
        #expect(run.errors.contains(words) && run.errors.count { $0 == "\n" } == 1, "\(run.errors)")
    }
}
