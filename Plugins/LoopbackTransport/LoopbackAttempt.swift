import CHandfast
import TransportAPI

/// The starter sends a token; the answerer finds the starter by it in the transport that both belong to. A starter that
/// gets its own token back is joined to itself.
@safe final class LoopbackAttempt: TransportAttempt {  // Safe: the channel is opened or abandoned, exactly once.
    @unsafe private enum Phase {
        case starting(LoopbackMeeting)
        case waiting(LoopbackMeeting)
        case answering
        case joined(LoopbackChannel.Pointer)
        case ended
    }

    private let transport: LoopbackTransport
    private var phase: Phase
    let descriptor: Int32
    let takesSocket = false

    init(startingAt meeting: LoopbackMeeting, transport: LoopbackTransport) {
        self.transport = transport
        unsafe phase = .starting(meeting)
        descriptor = meeting.descriptor
    }

    init(answeringFor transport: LoopbackTransport) {
        self.transport = transport
        unsafe phase = .answering
        descriptor = -1
    }

    func advance(step: [UInt8]?) throws(TransportRefusal) -> AttemptProgress {
        switch unsafe (phase, step) {
        case (.starting(let meeting), nil):
            unsafe phase = .waiting(meeting)
            return .step(number: 1, payload: meeting.token)
        case (.waiting(let meeting), nil):
            guard let channel = unsafe meeting.takeChannel() else { return .wait }
            unsafe phase = .joined(channel)
            return .accepted
        case (.answering, nil): return .wait
        case (.answering, let token?): return try answer(token)
        case (.joined, nil): return .accepted
        case (.waiting(let meeting), let token?) where token == meeting.token:
            // Its own step: this end is both ends.
            _ = transport.takeMeeting(token)
            unsafe phase = .joined(transport.makeMirror())
            return .accepted
        case (.starting, .some), (.waiting, .some), (.joined, .some), (.ended, _):
            throw TransportRefusal(.malformedStep, "loopback has one step, from the starter, and another came")
        }
    }

    private func answer(_ token: [UInt8]) throws(TransportRefusal) -> AttemptProgress {
        guard let meeting = transport.takeMeeting(token) else {
            throw TransportRefusal(
                .malformedStep, "no connection of this endpoint waits for this token of \(token.count) bytes")
        }
        let (own, starters) = unsafe transport.makePair()
        unsafe meeting.leave(starters)
        unsafe phase = .joined(own)
        return .accepted
    }

    func open(
        socket: Int32, engine: UnsafePointer<hf_engine_operations>, connection: UnsafeMutableRawPointer
    ) -> UnsafeMutableRawPointer {
        guard case .joined(let channel) = unsafe phase else { preconditionFailure("opened before it was accepted") }
        unsafe phase = .ended
        unsafe LoopbackChannel.open(channel, user: LoopbackUser(engine: engine, connection: connection))
        return UnsafeMutableRawPointer(channel)
    }

    deinit {
        switch unsafe phase {
        case .starting(let meeting), .waiting(let meeting): _ = transport.takeMeeting(meeting.token)
        case .joined(let channel): unsafe LoopbackChannel.abandon(channel)
        case .answering, .ended: break
        }
    }
}
