import Testing

@testable import SharedMemoryTransport

/// A consumer that stops looking while a packet is still in the sender's store buffer cannot be had at will: here it
/// stops after the sender has looked.
@Suite struct `What was sent without a fence` {
    private static func unannounced(_ side: Side) -> UnsafeMutableRawPointer? {
        side.transport.raw.pointee.unannounced.map { UnsafeMutableRawPointer($0) }
    }

    /// Sides of which the second has stopped looking by itself, unseen by the first.
    private func makeSides() throws -> (Side, Side) {
        let (one, two) = try Meeting.makeSides()
        for _ in 0..<3 {
            #expect(one.send([0]) == 1)
            one.poll()
            two.poll()
        }
        let isHot = two.raw.pointee.isHot
        #expect(isHot)
        // The first of a burst have fences.
        for number in 1...5 { #expect(one.send([UInt8(number)]) == 1) }
        while two.poll() > 0 {}
        #expect(Self.unannounced(one) == UnsafeMutableRawPointer(one.raw))
        #expect(two.arm() == 0)
        #expect(!two.isWakeReadable)
        return (one, two)
    }

    @Test func `is looked after with the next poll`() throws {
        let (one, two) = try makeSides()
        one.poll()
        #expect(Self.unannounced(one) == nil)
        #expect(two.isWakeReadable)
    }

    @Test func `is looked after before its sender sleeps`() throws {
        let (one, two) = try makeSides()
        _ = one.arm()
        #expect(two.isWakeReadable)
    }

    @Test func `is looked after when another connection needs the place`() throws {
        let (one, two) = try makeSides()
        let (other, far) = try Meeting.makeSides(one.transport, SharedMemoryTransport())
        for number in 1...5 { #expect(other.send([UInt8(number)]) == 1) }
        #expect(two.isWakeReadable)
        #expect(Self.unannounced(one) == UnsafeMutableRawPointer(other.raw))
        withExtendedLifetime(far) {}
    }

    @Test func `is not looked for once its connection is closed`() throws {
        let (one, two) = try makeSides()
        let transport = one.transport
        one.close()
        let isNil = transport.raw.pointee.unannounced == nil
        #expect(isNil)
        #expect(two.isWakeReadable, "the end rings")
        one.poll()
    }
}
