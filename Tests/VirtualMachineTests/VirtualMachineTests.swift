import Testing

@Suite(
    .serialized, .enabled(if: VirtualMachine.obstacle == nil, Comment(rawValue: VirtualMachine.obstacle ?? "")))
struct `In the virtual machine` {
    @Test(arguments: VirtualMachine.filters) func `the tests of transports pass`(filter: String) async throws {
        let arguments = ["--testing-library", "swift-testing", "--filter", filter]
        let (status, output) = try await VirtualMachine.run(["--timeout", "900", VirtualMachine.tests] + arguments)
        if status != 0 { print(output) }
        // Last, where they are found in a long output.
        let failures = output.split(separator: "\n").filter { $0.contains("✘") }.joined(separator: "\n")
        #expect(status == 0, "\(failures)")
        // A filter that nothing matches passes too.
        #expect(output.contains(/✔ Test run with [1-9][0-9]* test.* passed/), "\(output.suffix(1000))")
    }

    @Test func `a command has the devices, the folder and the environment, and its output and exit status come back`()
        async throws
    {
        let script = "ibv_devices; pwd; echo \"$VERBS_ADDRESSES\"; echo error >&2; exit 3"
        let (status, output) = try await VirtualMachine.run(["bash", "-c", "cd /usr/lib; \(script)"])
        #expect(status == 3)
        for part in ["rxe0", "rxe1", "siw0", "siw1", "/usr/lib\n", "10.1.0.1,10.1.0.2\n", "error\n"] {
            #expect(output.contains(part), "no \(part) in:\n\(output)")
        }
    }

    @Test func `a link can be cut, fall silent, and be mended`() async throws {
        // Nobody listens on port 9: a link that works brings the refusal, status 1, one that is silent the end of the time, 124.
        let script = """
            state() { cat /sys/class/infiniband/rxe1/ports/1/state; }
            knock() { s=0; timeout "$1" bash -c ': < /dev/tcp/10.1.0.2/9' 2> /dev/null || s=$?; echo "knock $s"; }
            set -e
            state; knock 20
            $VERBS_LINK cut; state
            $VERBS_LINK mend; state; knock 20
            $VERBS_LINK lose 100; state; knock 1
            $VERBS_LINK mend; knock 20
            """
        let (status, output) = try await VirtualMachine.run(["bash", "-c", script])
        #expect(status == 0)
        let expected = """
            4: ACTIVE
            knock 1
            1: DOWN
            4: ACTIVE
            knock 1
            4: ACTIVE
            knock 124
            knock 1

            """
        #expect(output == expected)
    }

    @Test func `two of them reach each other by verbs`() async throws {
        let server = "ibv_rc_pingpong -g 1 -n 20"
        let client = "until ibv_rc_pingpong -g 1 -n 20 $VERBS_PEER 2> /dev/null; do :; done"
        let (status, output) = try await VirtualMachine.run(["--two", server, client])
        #expect(status == 0, "\(output)")
        #expect(output.split(separator: "\n").count { $0.hasPrefix("20 iters in ") } == 2, "\(output)")
    }

    @Test func `Handfast joins two of them by verbs, left to itself, and brings back what was sent`() async throws {
        let tool = VirtualMachine.tool
        let server = "'\(tool)' perf --listen $VERBS_ADDRESSES:7000@far --once"
        let measure = "'\(tool)' perf --connect $VERBS_PEER:7000@far --verify --iterations 10 --sizes 8,64k,1m"
        // The other one may not listen yet.
        let client = "export HANDFAST_CONNECT_ATTEMPTS=1000 HANDFAST_CONNECT_DEADLINE_MS=60000; \(measure)"
        let (status, output) = try await VirtualMachine.run(["--two", server, client])
        #expect(status == 0, "\(output)")
        let chosen = /verbs: chosen; .*shm: refused by the peer, the peer runs on another host.*tcp: not tried/
        #expect(output.contains(chosen), "\(output)")
        #expect(output.contains(/\n +1048576 +[0-9]/), "\(output)")
        #expect(output.contains(/10\.1\.0\.2:[0-9]+ .* closed the connection/), "\(output)")
    }

    @Test func `a command that does not end is ended`() async throws {
        let (status, output) = try await VirtualMachine.run(["--timeout", "1", "tail", "-f", "/dev/null"])
        #expect(status == 124)
        #expect(output.contains("the machine was killed after 1 s"))
    }

    @Test func `a kernel that crashes is told from a command that fails`() async throws {
        let (status, output) = try await VirtualMachine.run(["bash", "-c", "echo c > /proc/sysrq-trigger"])
        #expect(status == 125)
        #expect(output.contains("the machine ended without a status"), "\(output)")
    }
}

@Suite struct `The command that starts the virtual machine` {
    @Test(arguments: [
        (["--frob"], "there is no option --frob"), ([], "no command"),
        (["--timeout", "soon", "true"], "--timeout needs a number from 1 to 999999, not 'soon'"),
        (["--memory"], "--memory needs a number from 1 to 999999, not ''"),
        (["--two", "true"], "--two needs two scripts, not 1"),
    ])
    func `refuses what it does not know, with what it does`(arguments: [String], error: String) async throws {
        let (status, output) = try await VirtualMachine.run(arguments)
        #expect(status == 2)
        #expect(output.contains("run: \(error); run [--timeout SECONDS]"), "\(output)")
    }
}
