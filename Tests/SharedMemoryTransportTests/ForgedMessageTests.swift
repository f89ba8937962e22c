import CSystem
import Glibc
import Testing
import TransportAPI

@testable import SharedMemoryTransport

/// An answerer written by hand, which keeps none of the rules.
@Suite final class `A starter` {
    private let starter: SharedMemoryAttempt
    private let proposal: Proposal
    private let segment: SharedSegment
    private let doorbell: SharedSegment
    private let bell: Descriptor
    private let socket: Descriptor
    private let nonce = Nonce(high: 1, low: 2)

    init() throws {
        let meeting = try Meeting(SharedMemoryTransport(), SharedMemoryTransport())
        starter = meeting.starter
        proposal = try Proposal.parse(meeting.propose())
        segment = try PairMemory.makeSegment()
        doorbell = try SharedSegment.make(byteCount: Doorbell.byteCount)
        var (wake, bell): (Int32, Int32) = (-1, -1)
        try #require(csystem_bell_make(&wake, &bell) == 0)
        close(wake)
        self.bell = Descriptor(owning: bell)
        let name = Lobby.socketName(proposal.socket)
        socket = Descriptor(owning: csystem_connect(name, UInt64(name.count)))
        PairMemory(segment.memory.baseAddress!, role: .answerer).writeNonce(nonce)
    }

    private func say(_ descriptors: [Int32], nonce: Nonce? = nil, bit: UInt32 = 0) throws {
        let introduction = Introduction(
            token: proposal.token, nonce: nonce ?? self.nonce, bit: bit, proofAddress: 8, proof: self.nonce)
        try Message.send(introduction, on: socket, descriptors)
    }

    private var honest: [Int32] { [segment.descriptor, doorbell.descriptor, bell.number] }

    @Test func `accepts a peer whose memory it cannot read, and says why it will not`() throws {
        try say(honest)
        #expect(try starter.advance(step: nil) == .accepted)
        #expect(starter.readObstacle?.contains("process_vm_readv") == true)
        // Each tells the other what it can do, so that large payloads go the way that works for their receiver.
        let words = PairMemory(segment.memory.baseAddress!, role: .answerer)
        #expect(csystem_load_acquire(words.peers.reads) == 0)
        #expect(!starter.peerReads)
        csystem_store_release(words.mine.reads, 1)
        #expect(starter.peerReads)
        let side = Side(starter.transport, starter)
        let place = UnsafeMutableRawBufferPointer.allocate(byteCount: 8, alignment: 8)
        defer { place.deallocate() }
        #expect(side.read(place, from: 8, token: 1) == ENOTSUP)
    }

    @Test func `refuses a segment whose size is not sealed`() throws {
        let open = Descriptor(owning: try #require(openMemory()))
        #expect(ftruncate(open.number, Int(PairMemory.wholeByteCount)) == 0)
        try say([open.number, doorbell.descriptor, bell.number])
        expectRefusal(.unreachable, saying: "sealed") { _ = try starter.advance(step: nil) }
    }

    @Test func `refuses a segment or a doorbell of another size`() throws {
        try say([doorbell.descriptor, doorbell.descriptor, bell.number])
        expectRefusal(.unreachable, saying: "12288 bytes instead of \(PairMemory.wholeByteCount)") {
            _ = try starter.advance(step: nil)
        }
    }

    @Test func `refuses a segment without the nonce`() throws {
        try say(honest, nonce: Nonce(high: 1, low: 3))
        expectRefusal(.unreachable, saying: "nonce") { _ = try starter.advance(step: nil) }
    }

    @Test func `refuses to wake the peer through anything but a pipe`() throws {
        try say([segment.descriptor, doorbell.descriptor, socket.number])
        expectRefusal(.unreachable, saying: "no pipe") { _ = try starter.advance(step: nil) }
    }

    @Test(arguments: [1, 2, 4]) func `refuses another number of descriptors`(count: Int) throws {
        try say(Array((honest + honest)[..<count]))
        expectRefusal(.malformedStep, saying: "3 descriptors") { _ = try starter.advance(step: nil) }
    }

    @Test func `shows out who names a bit that no doorbell has`() throws {
        try say(honest, bit: UInt32(Doorbell.bitCount))
        #expect(try starter.advance(step: nil) == .wait)
    }

    /// Memory that can be cut: the library makes none, so it comes from libc itself.
    private func openMemory() -> Int32? {
        guard let function = dlsym(nil, "memfd_create") else { return nil }
        typealias Make = @convention(c) (UnsafePointer<CChar>, UInt32) -> Int32
        let descriptor = unsafeBitCast(function, to: Make.self)("test", 3)
        return descriptor < 0 ? nil : descriptor
    }
}
