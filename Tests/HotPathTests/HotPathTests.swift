import Testing

@Suite(.serialized) struct `The hot path` {
    @Test(arguments: ["shm", "tcp", "loopback"])
    func `allocates nothing, counts no reference and checks no access`(over transport: String) throws {
        let probe = try Probe(transport)
        print("\(transport):\n\(probe.output)")
        guard probe.says("counters", "here") else { return print("not asserted: a sanitizer has the allocator") }
        // Else the zeros below would only say that nobody counted.
        for what in ["allocations", "frees", "retains", "releases", "accesses"] {
            #expect(try probe.count("control", what) > 0, "\(what) are not counted")
        }
        guard probe.says("build", "optimised") else {
            // Without specialisation and with every capture boxed, the compiler itself allocates.
            return print("not asserted: only `swift test -c release` makes the code whose calls matter")
        }
        for line in ["messages", "tags", "unexpected", "taken", "queued", "polls"] {
            #expect(try probe.count(line, "count") >= 20_000)
            for what in ["allocations", "frees", "retains", "releases", "accesses"] {
                #expect(try probe.count(line, what) == 0, "\(what) in \(line) over \(transport)")
            }
        }
    }
}
