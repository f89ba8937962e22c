import Glibc
import Testing
import TransportAPI

@testable import SharedMemoryTransport

@Suite struct `Descriptors` {
    /// In a process of its own, because other tests open descriptors all the time.
    @Test func `are all closed, wherever an attempt is dropped`() async {
        await #expect(processExitsWith: .success) {
            let first = try SharedMemoryTransport()
            let second = try SharedMemoryTransport()
            let before = openDescriptorCount()
            let walkCount = 20
            for point in 0...7 {
                for _ in 0..<walkCount { try walk(to: point, first, second) }
                // The runtime opens a timer or two of its own; a leak would show with every walk.
                #expect(openDescriptorCount() < before + walkCount, "dropped at point \(point)")
            }
            do {
                let sides = try (0..<walkCount).map { _ in try Meeting.makeSides(first, second) }
                // One per open connection and side: the peer's event.
                #expect(openDescriptorCount() < before + 3 * walkCount)
                #expect(sides.count == walkCount)
            }
            #expect(openDescriptorCount() < before + walkCount)
        }
    }
}

private func walk(to point: Int, _ first: SharedMemoryTransport, _ second: SharedMemoryTransport) throws {
    let meeting = try Meeting(first, second)
    if point == 0 { return }
    var payload = try meeting.propose()
    if point == 1 { return }
    if point == 2 { payload[40] ^= 1 }  // Another token.
    _ = try meeting.answerer.advance(step: payload)
    if point == 3 { return }
    let progress = try meeting.starter.advance(step: nil)
    if point == 2 { return #expect(progress == .wait) }
    #expect(progress == .accepted)
    if point == 4 { return }
    #expect(try meeting.answerer.advance(step: nil) == .accepted)
    if point == 5 { return }
    let side = Side(first, meeting.starter)
    if point == 6 { return side.close() }
    withExtendedLifetime(Side(second, meeting.answerer)) {}
}

private func openDescriptorCount() -> Int {
    (0..<1024).count { fcntl($0, F_GETFD) >= 0 }
}
