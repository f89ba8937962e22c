import CSystem
import Glibc
import SeededRandom
import Testing
import TransportAPI

@testable import SharedMemoryTransport

@Suite struct `A shared memory attempt` {
    private let first: SharedMemoryTransport
    private let second: SharedMemoryTransport

    init() throws {
        first = try SharedMemoryTransport()
        second = try SharedMemoryTransport()
    }

    @Test func `ends with both sides able to read each other`() throws {
        let meeting = try Meeting(first, second)
        try meeting.run()
        #expect(meeting.starter.readObstacle == nil)
        #expect(meeting.answerer.readObstacle == nil)
        #expect(meeting.starter.peerReads)
        #expect(meeting.answerer.peerReads)
        #expect(try meeting.starter.advance(step: nil) == .wait)
    }

    @Test func `joins an endpoint with itself`() throws {
        let (one, two) = try Meeting.makeSides(first, first)
        #expect(one.send([1, 2]) == 2)
        one.poll()
        #expect(two.recorder.bytes == [1, 2])
    }

    @Test func `does not take another attempt's caller`() throws {
        let meetings = try (0..<5).map { _ in try Meeting(first, second) }
        for meeting in meetings { #expect(try meeting.answerer.advance(step: meeting.propose()) == .wait) }
        for meeting in meetings.reversed() {
            #expect(try meeting.starter.advance(step: nil) == .accepted)
            #expect(try meeting.answerer.advance(step: nil) == .accepted)
        }
    }

    @Test func `is refused by another host`() throws {
        let meeting = try Meeting(first, second)
        var proposal = try Proposal.parse(meeting.propose())
        proposal.bootNumber.low ^= 1
        expectRefusal(.unreachable, saying: "other host") {
            _ = try meeting.answerer.advance(step: proposal.payload)
        }
    }

    @Test func `is refused when the listener cannot be reached`() throws {
        let meeting = try Meeting(first, second)
        var proposal = try Proposal.parse(meeting.propose())
        proposal.socket.high ^= 1
        expectRefusal(.unreachable, saying: "network namespace") {
            _ = try meeting.answerer.advance(step: proposal.payload)
        }
    }

    @Test func `is refused for rings or a format of another version`() throws {
        for offset in [1, Proposal.byteCount - 1, Proposal.byteCount - 3] {
            let meeting = try Meeting(first, second)
            var payload = try meeting.propose()
            payload[offset] &+= 1
            expectRefusal(.unreachable, saying: "this side") { _ = try meeting.answerer.advance(step: payload) }
        }
    }

    @Test func `is refused for a step cut at any byte, or one too long`() throws {
        let payload = try Meeting(first, second).propose()
        for byteCount in Array(0..<payload.count) + [payload.count + 1] {
            let meeting = try Meeting(first, second)
            let cut = Array((payload + [0])[..<byteCount])
            expectRefusal(.malformedStep, saying: "step of \(byteCount) bytes") {
                _ = try meeting.answerer.advance(step: cut)
            }
        }
    }

    @Test func `refuses random steps`() throws {
        let seed = UInt64.random(in: 0 ... .max)
        print("seed \(seed)")
        var generator = SplitMix64(state: seed)
        for _ in 0..<2000 {
            let answerer = try second.makeAttempt(.answerer, with: Meeting.peer)
            var step = (0..<Int.random(in: 0...80, using: &generator)).map { _ in
                UInt8.random(in: 0...255, using: &generator)
            }
            if step.count > 1, Bool.random(using: &generator) { step.replaceSubrange(0..<2, with: [0, 1]) }
            #expect(throws: TransportRefusal.self) { _ = try answerer.advance(step: step) }
        }
    }

    @Test func `refuses a step where none is due`() throws {
        let meeting = try Meeting(first, second)
        _ = try meeting.propose()
        expectRefusal(.malformedStep, saying: "none is due") { _ = try meeting.starter.advance(step: [1]) }
        #expect(try meeting.starter.advance(step: nil) == .wait)
    }

    @Test func `of a token that nobody waits for is shown out alone`() throws {
        let honest = try Meeting(first, second)
        let other = try Meeting(first, second)
        var proposal = try Proposal.parse(other.propose())
        proposal.token.low ^= 1
        #expect(try other.answerer.advance(step: proposal.payload) == .wait)
        try honest.run()
        #expect(try other.starter.advance(step: nil) == .wait)
        expectRefusal(.unreachable, saying: "gave up") { _ = try other.answerer.advance(step: nil) }
    }

    @Test func `survives strangers who say nothing, nonsense, or go away`() throws {
        let meeting = try Meeting(first, second)
        let payload = try meeting.propose()
        let name = Lobby.socketName(first.lobby.name)
        var strangers: [Int32] = []
        for number in 0..<100 {
            let socket = csystem_connect(name, UInt64(name.count))
            try #require(socket >= 0)
            if number % 3 == 1 { _ = Glibc.send(socket, "nonsense", 8, 0) }
            if number % 3 == 2 { close(socket) } else { strangers.append(socket) }
            if number == 70 { #expect(try meeting.starter.advance(step: nil) == .wait) }
        }
        #expect(try meeting.answerer.advance(step: payload) == .wait)
        while try meeting.starter.advance(step: nil) == .wait {}
        #expect(try meeting.answerer.advance(step: nil) == .accepted)
        for stranger in strangers { close(stranger) }
    }

    @Test func `lets an answerer in though strangers filled the listener's queue before`() throws {
        let name = Lobby.socketName(first.lobby.name)
        var strangers: [Int32] = []
        while true {
            let socket = csystem_connect(name, UInt64(name.count))
            if socket < 0 { break }
            strangers.append(socket)
        }
        try Meeting(first, second).run()
        for stranger in strangers { close(stranger) }
    }

    @Test func `says so when all connections are taken`() throws {
        let slots = (0..<Doorbell.bitCount).map { _ in Box((try? Slot(of: second.raw))!) }
        let meeting = try Meeting(first, second)
        let payload = try meeting.propose()
        expectRefusal(.resources, saying: "65536") { _ = try meeting.answerer.advance(step: payload) }
        #expect(slots.count == Doorbell.bitCount)
    }

    private final class Box {
        let slot: Slot
        init(_ slot: consuming Slot) { self.slot = slot }
    }
}
