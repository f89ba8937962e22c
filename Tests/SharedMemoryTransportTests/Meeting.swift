import Glibc
import Testing
import TransportAPI

@testable import SharedMemoryTransport

/// Two attempts at one connection, driven as two engines would.
struct Meeting {
    let starter: SharedMemoryAttempt
    let answerer: SharedMemoryAttempt

    static let peer = PeerDescription(name: "peer", address: [127, 0, 0, 1], isLocal: true)

    init(_ first: SharedMemoryTransport, _ second: SharedMemoryTransport) throws {
        starter = try #require(try first.makeAttempt(.starter, with: Meeting.peer) as? SharedMemoryAttempt)
        answerer = try #require(try second.makeAttempt(.answerer, with: Meeting.peer) as? SharedMemoryAttempt)
    }

    /// The starter's STEP 1.
    func propose() throws -> [UInt8] {
        #expect(try answerer.advance(step: nil) == .wait)
        guard case .step(1, let payload) = try starter.advance(step: nil) else {
            Issue.record("no STEP 1")
            return []
        }
        return payload
    }

    func run() throws {
        #expect(try answerer.advance(step: propose()) == .wait)
        #expect(isReadable(starter.descriptor))
        #expect(try starter.advance(step: nil) == .accepted)
        #expect(isReadable(answerer.descriptor))
        #expect(try answerer.advance(step: nil) == .accepted)
        #expect(!isReadable(starter.descriptor))
    }

    static func makeSides(_ first: SharedMemoryTransport, _ second: SharedMemoryTransport) throws -> (Side, Side) {
        let meeting = try Meeting(first, second)
        try meeting.run()
        return (Side(first, meeting.starter), Side(second, meeting.answerer))
    }

    static func makeSides() throws -> (Side, Side) {
        try makeSides(SharedMemoryTransport(), SharedMemoryTransport())
    }
}

func isReadable(_ descriptor: Int32) -> Bool {
    var entry = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
    return Glibc.poll(&entry, 1, 0) == 1
}

/// The code of a refusal, and that its text says the word.
func expectRefusal(
    _ code: TransportRefusal.Code, saying word: String, sourceLocation: SourceLocation = #_sourceLocation,
    _ body: () throws -> Void
) {
    do {
        try body()
        Issue.record("not refused", sourceLocation: sourceLocation)
    } catch let refusal as TransportRefusal {
        #expect(refusal.code == code, "\(refusal.text)", sourceLocation: sourceLocation)
        #expect(refusal.text.contains(word), "\(refusal.text)", sourceLocation: sourceLocation)
    } catch { Issue.record(error, sourceLocation: sourceLocation) }
}
