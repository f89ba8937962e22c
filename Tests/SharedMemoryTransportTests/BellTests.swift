import CSystem
import Glibc
import Testing

/// All copies of a descriptor share its flags, so a peer can make any of them blocking.
@Suite final class `A bell whose flags a peer has cleared` {
    private let wake: Int32
    private let bell: Int32

    init() throws {
        var (wake, bell): (Int32, Int32) = (-1, -1)
        try #require(csystem_bell_make(&wake, &bell) == 0)
        (self.wake, self.bell) = (wake, bell)
        for number in [wake, bell] { #expect(fcntl(number, F_SETFL, 0) == 0) }
    }

    deinit { for number in [wake, bell] { close(number) } }

    private var isReadable: Bool {
        var entry = pollfd(fd: wake, events: Int16(POLLIN), revents: 0)
        return poll(&entry, 1, 0) == 1
    }

    @Test(.timeLimit(.minutes(1))) func `does not block who rings, however often nobody listens`() {
        for _ in 0..<10_000 { csystem_bell_ring(bell) }
        #expect(isReadable)
    }

    @Test(.timeLimit(.minutes(1))) func `does not block who drains, and is silent again`() {
        csystem_bell_drain(wake)
        #expect(!isReadable)
        for _ in 0..<3 { csystem_bell_ring(bell) }
        #expect(isReadable)
        csystem_bell_drain(wake)
        #expect(!isReadable)
    }

    @Test func `is told from an eventfd and from a stream`() {
        let event = csystem_event_make()
        let stream = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        defer { for number in [event, stream] { close(number) } }
        #expect(csystem_is_bell(bell) != 0)
        #expect(csystem_is_bell(event) == 0 && csystem_is_bell(stream) == 0)
    }
}
