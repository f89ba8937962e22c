import Glibc
import Synchronization
import Testing

@testable import Handfast

@Suite(.serialized) struct `The resolver` {
    private func wait(_ lookup: HostLookup, milliseconds: Int32 = 10_000) -> Bool {
        var poll = pollfd(fd: lookup.descriptor, events: Int16(POLLIN), revents: 0)
        return Glibc.poll(&poll, 1, milliseconds) == 1
    }

    private func waitUntilIdle(_ resolver: HostResolver) {
        let deadline = ContinuousClock.now + .seconds(10)
        while resolver.threadCount > 0, .now < deadline { usleep(1_000) }
        #expect(resolver.threadCount == 0)
    }

    @Test func `knows localhost`() throws {
        let lookup = try HostResolver.shared.start(["localhost"])
        #expect(wait(lookup))
        guard case .addresses(let addresses) = lookup.answers["localhost"] else {
            Issue.record("\(lookup.answers)")
            return
        }
        #expect(addresses.allSatisfy { $0.isLoopback })
        waitUntilIdle(.shared)
    }

    @Test func `says what the system said`() throws {
        let lookup = try HostResolver.shared.start(["no-such-host.invalid"])
        #expect(wait(lookup, milliseconds: 60_000))
        guard case .failure(let words) = lookup.answers["no-such-host.invalid"] else {
            Issue.record("\(lookup.answers)")
            return
        }
        #expect(!words.isEmpty)
    }

    @Test func `has a bounded number of threads, and none when there is nothing to do`() throws {
        let most = Mutex((now: 0, most: 0))
        let resolver = HostResolver(threadLimit: 2) { _ in
            most.withLock { $0 = ($0.now + 1, max($0.most, $0.now + 1)) }
            usleep(5_000)
            most.withLock { $0.now -= 1 }
            return .addresses([.loopback])
        }
        let lookups = try (0..<10).map { try resolver.start(["a\($0)", "b\($0)"]) }
        for lookup in lookups {
            #expect(wait(lookup))
            #expect(lookup.answers.count == 2)
        }
        #expect(most.withLock { $0.most } == 2)
        waitUntilIdle(resolver)
    }

    @Test func `does not ask for what nobody waits for`() throws {
        let asked = Mutex<[String]>([])
        let gate = Mutex(())
        let resolver = HostResolver(threadLimit: 1) { name in
            gate.withLock { _ in }
            asked.withLock { $0.append(name) }
            return .failure("no")
        }
        let lookups = try gate.withLock { _ in
            let lookups = try ["one", "two", "three"].map { try resolver.start([$0]) }
            lookups[1].abandon()
            return lookups
        }
        #expect(wait(lookups[2]))
        waitUntilIdle(resolver)
        #expect(asked.withLock { $0 } == ["one", "three"])
    }
}
