import Glibc
import Testing

/// The rows of Documentation/Wire.md, "On demand: who connects", each between two processes.
@Suite(.serialized) struct `Two processes on demand` {
    static let transports = ["tcp", "shm"]

    private static func pair(
        _ transport: String, _ names: (String, String) = ("alpha", "beta"), _ more: [String: String] = [:]
    ) throws -> (DemandingProcess, DemandingProcess) {
        let environment = ["HANDFAST_TRANSPORTS": transport].merging(more) { $1 }
        let (low, high) = (try DemandingProcess(names.0, environment), try DemandingProcess(names.1, environment))
        for process in [low, high] { try process.readAddress() }
        return (low, high)
    }

    private static func expectEachOther(_ low: DemandingProcess, _ high: DemandingProcess) throws {
        try low.tell("expect \(high.address)")
        try high.tell("expect \(low.address)")
    }

    /// A message each way, over the one connection that there is.
    private static func checkTraffic(_ low: DemandingProcess, _ high: DemandingProcess, _ transport: String) throws {
        for (sender, receiver) in [(low, high), (high, low)] {
            let before = try receiver.report().receivedCount(from: sender.name)
            try sender.tell("send \(receiver.name) 3")
            let report = try receiver.poll("three messages") { $0.receivedCount(from: sender.name) == before + 3 }
            #expect(report.faults == [])
            #expect(report.states[sender.name] == "connected")
            #expect(report.transports[sender.name] == transport)
        }
    }

    private static func finish(_ processes: DemandingProcess...) throws {
        for process in processes { #expect(try process.finish() == 0, "\(process.name)") }
    }

    @Test(arguments: transports, [true, false])
    func `are joined by whichever sends first`(transport: String, isLowActive: Bool) throws {
        let (low, high) = try Self.pair(transport)
        try Self.expectEachOther(low, high)
        let (sender, receiver) = isLowActive ? (low, high) : (high, low)
        try sender.tell("send \(receiver.name) 10")
        let report = try receiver.poll("ten messages") { $0.receivedCount(from: sender.name) == 10 }
        #expect(report.faults == [])
        try Self.checkTraffic(low, high, transport)
        #expect(try sender.report().errors.isEmpty)
        try Self.finish(low, high)
    }

    @Test(arguments: transports)
    func `are joined once when both send at the same instant`(transport: String) throws {
        let (low, high) = try Self.pair(transport)
        try Self.expectEachOther(low, high)
        var descriptorCounts: [Int]?
        for round in 1...50 {
            var time = timespec()
            clock_gettime(CLOCK_MONOTONIC, &time)
            let instant = UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec) + 12_000_000
            low.begin("send beta 5 \(instant)")
            high.begin("send alpha 5 \(instant)")
            try low.answered()
            try high.answered()
            let reports = try [(low, "beta"), (high, "alpha")].map { process, peer in
                try process.poll("round \(round)") { $0.receivedCount(from: peer) == 5 * round && $0.pendingCount == 0 }
            }
            for report in reports {
                #expect(report.errors.isEmpty, "round \(round): \(report.errors)")
                #expect(report.faults == [], "round \(round)")
            }
            // What the stream that was given up left behind is gone before the connection is: then all is as before.
            try low.tell("forget beta")
            try high.poll("the goodbye") { $0.states["alpha"] == "onDemand" }
            try low.tell("expect \(high.address)")
            let counts = try [low, high].map { process in
                try process.poll("round \(round), the same descriptors as before") {
                    descriptorCounts == nil || $0.descriptorCount <= (descriptorCounts?.max() ?? 0)
                }.descriptorCount
            }
            descriptorCounts = descriptorCounts ?? counts.map { $0 + 2 }
        }
        try Self.finish(low, high)
    }

    @Test(arguments: transports)
    func `are joined by BACK_CONNECT when only the lower name can reach the other`(transport: String) throws {
        let short = ["HANDFAST_HANDSHAKE_TIMEOUT_MS": "1000", "HANDFAST_CONNECT_ATTEMPTS": "1"]
        let (low, high) = try Self.pair(transport, ("alpha", "beta"), short)
        try low.tell("expect \(high.address)")
        // The first place is nobody's; behind the second, handshakes get lost.
        let barrier = try Barrier(to: low.port)
        try high.tell("expect 127.0.0.1:\(barrier.deadPort),127.0.0.1:\(barrier.port)@alpha")
        try high.tell("send alpha 5")
        let deadline = ContinuousClock.now + .seconds(20)
        while try low.report().receivedCount(from: "beta") < 5 {
            barrier.relay()
            try #require(ContinuousClock.now < deadline, "\(barrier.relayedCount) streams were let through")
        }
        #expect(barrier.relayedCount > 0)
        try Self.checkTraffic(low, high, transport)
        #expect(try high.report().errors.isEmpty)
        try Self.finish(low, high)
    }

    @Test(arguments: transports)
    func `of one name are told so, with both addresses`(transport: String) throws {
        let (one, other) = try Self.pair(transport, ("alpha", "alpha"))
        try Self.expectEachOther(one, other)
        try one.tell("send alpha 1")
        let error = try one.poll("it failed") { !$0.errors.isEmpty }.errors[0].text
        #expect(error.contains(other.address), "\(error)")
        #expect(error.contains(one.address), "\(error)")
        try Self.finish(one, other)
    }

    @Test(arguments: transports, [("alpha", "beta"), ("beta", "alpha")])
    func `of one name at the same time are found out by a third, and the error names both addresses`(
        transport: String, names: (third: String, twins: String)
    ) throws {
        let (third, first) = try Self.pair(
            transport, names,
            [
                "HANDFAST_CONNECT_INTERVAL_MS": "1", "HANDFAST_CONNECT_TIMEOUT_MS": "300",
                "HANDFAST_HANDSHAKE_TIMEOUT_MS": "1000", "HANDFAST_CONNECT_DEADLINE_MS": "2000",
            ])
        try Self.expectEachOther(third, first)
        try Self.checkTraffic(third, first, transport)
        let second = try DemandingProcess(first.name, ["HANDFAST_TRANSPORTS": transport])
        try second.readAddress()
        try second.tell("expect \(third.address)")
        // A process that comes under a known name has been restarted, as far as anybody can tell.
        try Self.checkTraffic(second, third, transport)
        try first.poll("it is told") { $0.states[third.name] == "onDemand" }
        try first.tell("send \(third.name) 1")
        let error = try first.poll("it failed") { !$0.errors.isEmpty }.errors[0].text
        #expect(error.contains("used by two processes"), "\(error)")
        #expect(error.split(separator: "127.0.0.1:").count >= 3, "\(error)")
        try Self.checkTraffic(third, second, transport)
        try Self.finish(third, first, second)
    }

    @Test(arguments: transports, [("alpha", "beta"), ("beta", "alpha")])
    func `go on after one was killed and restarted under its old name`(
        transport: String, names: (survivor: String, killed: String)
    ) throws {
        let (survivor, killed) = try Self.pair(transport, names)
        try Self.expectEachOther(survivor, killed)
        try Self.checkTraffic(survivor, killed, transport)
        try survivor.tell("post \(killed.name)")
        killed.kill()
        let failed = try survivor.poll("the old request fails") { !$0.errors.isEmpty }
        #expect(failed.errors[0].text.contains("127.0.0.1"), "\(failed.errors)")
        let again = try DemandingProcess(killed.name, port: killed.port, ["HANDFAST_TRANSPORTS": transport])
        try again.readAddress()
        try again.tell("expect \(survivor.address)")
        try again.tell("send \(survivor.name) 4")
        try survivor.poll("new messages") { $0.received[killed.name]?[again.process] == 4 }
        try Self.checkTraffic(survivor, again, transport)
        try Self.finish(survivor, again)
    }

    @Test(arguments: transports, [("alpha", "beta"), ("beta", "alpha")])
    func `see a restart when the new process comes while the old connection stands`(
        transport: String, names: (survivor: String, former: String)
    ) throws {
        let (survivor, former) = try Self.pair(transport, names)
        try Self.expectEachOther(survivor, former)
        try Self.checkTraffic(survivor, former, transport)
        former.hold()
        try survivor.tell("post \(former.name)")
        // More than fits between the two.
        try survivor.tell("send \(former.name) 5000")
        let before = try survivor.report()
        #expect(before.states[former.name] == "connected")
        #expect(before.pendingCount > 1, "the receive, and what does not fit")
        let again = try DemandingProcess(former.name, ["HANDFAST_TRANSPORTS": transport])
        try again.readAddress()
        try again.tell("expect \(survivor.address)")
        try again.tell("send \(survivor.name) 4")
        let after = try survivor.poll("new messages") { $0.received[former.name]?[again.process] == 4 }
        #expect(after.events.map(\.peer) == [former.name])
        #expect(after.events.map(\.reason) == ["peer restarted"])
        #expect(after.pendingCount == 0)
        #expect(after.errors.count == after.lostAsSent.count + after.lostAsUnsent.count + 1, "the receive too")
        #expect(after.errors.allSatisfy { $0.text.contains("was restarted") })
        #expect(!after.lostAsUnsent.isEmpty)
        let lost = after.lostAsSent + after.lostAsUnsent
        #expect(lost == lost.sorted(), "what may have been sent comes before what was not")
        try Self.checkTraffic(survivor, again, transport)
        former.goOn()
        let late = try former.poll("it is told") { $0.states[survivor.name] == "onDemand" }
        let lastReceived = try #require(late.lastReceived[survivor.process])
        #expect(lastReceived < (after.lostAsUnsent.min() ?? 0), "what is unsent has not come")
        try Self.finish(survivor, again, former)
    }

    @Test(arguments: transports)
    func `that were not named are refused, and both sides know why`(transport: String) throws {
        let (host, stranger) = try Self.pair(transport, ("alpha", "stranger"))
        try stranger.tell("expect \(host.address)")
        try stranger.tell("send alpha 1")
        let error = try stranger.poll("it failed") { !$0.errors.isEmpty }.errors[0].text
        #expect(error.contains("alpha expects no connection from stranger"), "\(error)")
        #expect(try host.report().received.isEmpty)
        try Self.finish(host, stranger)
    }
}
