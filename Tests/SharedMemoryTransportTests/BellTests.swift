import Foundation
import CSystem
import Glibc
import Testing

/// All copies of a descriptor share its flags, so a peer can make any of them blocking.
@Suite final class `A bell whose flags a peer has cleared` {
    private let wake: Int32
    private let bell: Int32
    private let opened: Int32

    init() throws {
        var (wake, bell): (Int32, Int32) = (-1, -1)
        try #require(csystem_bell_make(&wake, &bell) == 0)
        opened = csystem_bell_open(bell)
        try #require(opened >= 0)
        (self.wake, self.bell) = (wake, bell)
        #expect(fcntl(bell, F_SETFL, 0) == 0)
    }

    deinit { for number in [wake, bell, opened] { close(number) } }

    /// Whether it ends within a minute. A time limit of the test would count how long it waits for its turn, too.
    private func returns(_ body: @escaping @Sendable () -> Void) -> Bool {
        let end = DispatchSemaphore(value: 0)
        Thread.detachNewThread {
            body()
            end.signal()
        }
        return end.wait(timeout: .now() + 60) == .success
    }

    private var isReadable: Bool {
        var entry = pollfd(fd: wake, events: Int16(POLLIN), revents: 0)
        return poll(&entry, 1, 0) == 1
    }

    @Test func `does not block who rings, however often nobody listens`() {
        let hasRung = returns { [opened] in for _ in 0..<200_000 { csystem_bell_ring(opened) } }
        #expect(hasRung)
        #expect(isReadable)
    }

    /// Who opens it to read has a description of its own.
    @Test func `does not block who drains, and is silent again`() {
        let reader = open("/proc/self/fd/\(bell)", O_RDONLY)
        defer { close(reader) }
        let hasDrained = returns { [wake] in csystem_bell_drain(wake) }
        #expect(hasDrained)
        #expect(!isReadable)
        for _ in 0..<3 { csystem_bell_ring(opened) }
        #expect(isReadable)
        csystem_bell_drain(wake)
        #expect(!isReadable)
    }

    /// Without a signal, which would end the process.
    @Test func `may be rung when its owner is gone`() {
        var (wake, bell): (Int32, Int32) = (-1, -1)
        #expect(csystem_bell_make(&wake, &bell) == 0)
        let opened = csystem_bell_open(bell)
        for number in [wake, bell] { close(number) }
        csystem_bell_ring(opened)
        close(opened)
    }

    @Test func `is told from everything else`() {
        let others = [csystem_event_make(), socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0), open("/dev/null", O_RDWR)]
        for number in others {
            #expect(csystem_bell_open(number) == -EPERM)
            close(number)
        }
    }
}
