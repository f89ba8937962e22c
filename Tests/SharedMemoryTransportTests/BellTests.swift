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

    private var isReadable: Bool {
        var entry = pollfd(fd: wake, events: Int16(POLLIN), revents: 0)
        return poll(&entry, 1, 0) == 1
    }

    @Test(.timeLimit(.minutes(5))) func `does not block who rings, however often nobody listens`() {
        for _ in 0..<200_000 { csystem_bell_ring(opened) }
        #expect(isReadable)
    }

    /// Who opens it to read has a description of its own.
    @Test(.timeLimit(.minutes(5))) func `does not block who drains, and is silent again`() {
        let reader = open("/proc/self/fd/\(bell)", O_RDONLY)
        defer { close(reader) }
        csystem_bell_drain(wake)
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
