import Glibc
import Logging
import Precon
import TransportAPI

/// One handshake under way: carries the actions of `Handshake` out, and tells it what came of them.
final class HandshakeDriver {
    enum Stage {
        case connecting
        case talking
        /// Agreed; the transport takes over when all frames are out.
        case completing(transport: UInt32)
        /// Failed; the peer may still read why.
        case closing
        case over
    }

    /// What epoll has been asked for; asking again costs a system call.
    private struct Watch {
        let id: UInt
        var isForData: Bool
        var isForRoom: Bool
    }

    /// Frames that are read before others get their turn.
    private static let framesPerTurn = 16
    /// What a peer may send while it is told why it is refused.
    private static let drainByteCount = 65_536

    unowned let engine: Engine
    let stream: PreconStream
    private var handshake: Handshake
    private(set) var stage: Stage
    private var pending: [HandshakeAction] = []
    private var isActing = false
    private var unknownFrameCount = 0

    let id: StreamID
    var record: ConnectionRecord?
    /// Of a connect on demand: it decides what becomes of this stream.
    weak var association: Association?
    /// Its record is still connected with another process, so nothing is noted there before it takes that one's place.
    var isSuccessor = false
    /// Of a starter.
    weak var dial: Dial?
    /// Its TCP connection stood at some time.
    private(set) var wasOpened = false
    /// What came before anything else, and only means something if BACK_CONNECT follows.
    private var preface: PeerInfo?
    private var hasBegun = false
    /// The peer has sent no whole message: perhaps a connect that found another of our addresses faster.
    var isUnheard: Bool { !hasBegun && unknownFrameCount == 0 }
    /// A peer has connected and not sent a whole message yet.
    var isStranger: Bool {
        guard case .talking = stage else { return false }
        return role == .answerer && isUnheard
    }
    /// Another stream of a connect on demand of which one has come already, or one that crosses another: nobody need hear of
    /// its failure.
    var isSpare = false
    var peer: PeerDescription
    /// Where the peer says that it listens, the best first; empty when it says nothing.
    var toldPlaces: [EndpointAddress.Place] = []
    /// What the peer's VERSION says that it can do; nil for a pscom peer.
    var peerFeatures: UInt64?
    /// 0 for a pscom peer.
    var peerIncarnation: UInt64 = 0
    /// For texts.
    let peerText: String
    /// Made before the handshake by a starter, so that it proposes nothing that cannot work.
    var prepared: [UInt32: any TransportAttempt] = [:]
    private var attempt: (any TransportAttempt)?
    /// Begun, and neither abandoned nor completed.
    private var transportOnTrial: UInt32?
    private var attemptWatch: UInt?
    private var attemptDescriptor: Descriptor?

    private var watch: Watch?
    let startedAt = ContinuousClock.now
    private var hasWarned = false
    private(set) var deadline: ContinuousClock.Instant { didSet { engine.due(at: deadline) } }
    private(set) var failure: HandshakeFailure?

    var role: HandshakeRole { handshake.role }
    var decisions: [TransportDecision] { handshake.decisions }
    var waitingFor: String {
        if case .connecting = stage { "the TCP connection" } else { handshake.waitingFor }
    }

    /// What it is about, in words, for a connect that has no more time.
    var standing: String {
        switch stage {
        case .connecting: "the TCP connection was being made"
        case .completing: "the last message was being sent"
        case .talking, .closing, .over: "\(handshake.waitingFor) was awaited"
        }
    }

    init(
        engine: Engine, socket: consuming Descriptor, handshake: Handshake, isConnected: Bool, peer: PeerDescription,
        peerText: String, deadline: ContinuousClock.Instant
    ) {
        self.engine = engine
        id = engine.nextStreamID()
        stream = PreconStream(owning: socket)
        self.handshake = handshake
        stage = isConnected ? .talking : .connecting
        self.peer = peer
        self.peerText = peerText
        self.deadline = deadline
    }

    /// Begins; the engine holds the driver from here on.
    func start() {
        let isConnecting = if case .connecting = stage { true } else { false }
        guard
            let id = engine.watches.add(stream.socket, .handshake(self), readable: true, writable: isConnecting)
        else { return tell(.streamEnded) }
        watch = Watch(id: id, isForData: true, isForRoom: isConnecting)
        beginPhase(isConnecting ? .connect : .handshake)
        if case .talking = stage { tell(.opened) }
    }

    func socketIsReady() {
        switch stage {
        case .connecting:
            let error = stream.connectError
            guard error == 0 else { return engine.connectFailed(self, error) }
            stage = .talking
            deadline = .now + engine.settings.handshakeTimeout
            wasOpened = true
            endPhase(.connect)
            beginPhase(.handshake)
            dial?.opened(self)
            // It may have been opened too late.
            if case .talking = stage { tell(.opened) }
        case .talking: readFrames()
        case .completing: break
        case .closing:
            if !stream.drain(Self.drainByteCount) { return engine.over(self) }
        case .over: return
        }
        writeFrames()
    }

    /// When somebody who reads the log should hear of it; nil once he has.
    var slowAt: ContinuousClock.Instant? { hasWarned ? nil : startedAt + engine.settings.slowHandshake }

    func warnIfSlow(_ now: ContinuousClock.Instant) {
        guard let slowAt, slowAt <= now else { return }
        hasWarned = true
        if case .closing = stage { return }
        engine.tellSlowness(of: self, since: startedAt.duration(to: now))
    }

    func attemptIsReady() { advance(step: nil) }

    func deadlinePassed() {
        switch stage {
        case .connecting:
            let limit = "\(engine.settings.connectTimeout) (\(Settings.connectTimeout.name))"
            engine.connectFailed(self, ETIMEDOUT, "no TCP connection within \(limit)")
        case .talking: tell(stream.foreign.map { .receivedGarbage($0) } ?? .deadlinePassed)
        case .completing: abort(.deadlinePassed(waitingFor: "room to send the last message"))
        case .closing: engine.over(self)
        case .over: break
        }
    }

    /// Ends it for a reason of this side's own.
    func reject(_ rejection: Rejection) {
        switch stage {
        case .connecting: abort(.rejected(rejection))
        case .talking, .completing: tell(.peerRejected(rejection))
        case .closing: closeAfter(.reject(rejection))
        case .over: break
        }
    }

    /// Another stream takes the place of this one.
    func abandon() {
        guard case .connecting = stage else { return tell(.abandoned) }
        engine.over(self)
    }

    /// Ends it when the machine has nothing more to say.
    private func abort(_ failure: HandshakeFailure) {
        self.failure = failure
        engine.failed(self)
        engine.over(self)
    }

    /// Lets go of everything.
    func finish() {
        stage = .over
        dropAttempt()
        prepared = [:]
        unwatch()
    }

    /// For a transport that goes on over the socket, or to keep it as a sign of life.
    func takeSocket() -> Descriptor? {
        unwatch()
        return stream.release()
    }

    private func unwatch() {
        if let watch { engine.watches.remove(watch.id, stream.socket) }
        watch = nil
    }

    // MARK: Frames

    private func readFrames() {
        defer { stream.endTurn() }
        for _ in 0..<Self.framesPerTurn {
            guard case .talking = stage else { return }
            switch stream.read() {
            case .nothing: return
            case .message(let message): receive(message)
            case .unknown:
                unknownFrameCount += 1
                guard unknownFrameCount <= Handshake.maximumMessageCount else {
                    return reject(
                        Rejection(.protocolViolation, "more than \(Handshake.maximumMessageCount) unknown messages"))
                }
            case .garbage(let error): return tell(.receivedGarbage(error))
            case .ended: return tell(.streamEnded)
            }
        }
    }

    /// BACK_CONNECT comes alone or after the whole name, in place of a handshake.
    private func receive(_ message: PreconMessage) {
        switch message {
        case .peerInfo(let info) where role == .answerer && !hasBegun:
            (preface, hasBegun) = (info, true)
            return
        case .backConnect(let info) where role == .answerer && (!hasBegun || preface != nil):
            (stage, hasBegun) = (.closing, true)
            return engine.askedToConnect(self, info, about: preface)
        default: break
        }
        hasBegun = true
        if let preface = preface.take() { tell(.received(.peerInfo(preface))) }
        tell(.received(message))
    }

    /// The answer to BACK_CONNECT.
    func acknowledgeAndClose() { closeAfter(.backAcknowledgement) }

    private func closeAfter(_ message: PreconMessage) {
        stage = .closing
        deadline = min(deadline, .now + .seconds(1))
        stream.queue(message)
        writeFrames()
    }

    private func writeFrames() {
        switch stage {
        case .connecting: return
        case .over: return
        case .talking, .completing, .closing: break
        }
        guard stream.flush() == 0 else {
            switch stage {
            case .closing: return engine.over(self)
            case .completing: return abort(.streamEnded(waitingFor: "room to send the last message"))
            case .connecting, .talking, .over: return tell(.streamEnded)
            }
        }
        if case .completing(let transport) = stage, !stream.hasOutgoing, let attempt {
            self.attempt = nil
            dropAttempt()
            return engine.complete(self, transport: transport, attempt: attempt)
        }
        if case .closing = stage, !stream.hasOutgoing { stream.finishSending() }
        let reads = if case .completing = stage { false } else { true }
        watch(forData: reads, forRoom: stream.hasOutgoing)
    }

    private func watch(forData isForData: Bool, forRoom isForRoom: Bool) {
        guard let old = watch, old.isForData != isForData || old.isForRoom != isForRoom else { return }
        watch = Watch(id: old.id, isForData: isForData, isForRoom: isForRoom)
        engine.watches.change(old.id, stream.socket, readable: isForData, writable: isForRoom)
    }

    // MARK: Actions

    /// Hands an event to the machine and does what it says; events that come of that are handed over in turn.
    func tell(_ event: HandshakeEvent) {
        pending += handshake.handle(event)
        guard !isActing else { return }
        isActing = true
        var next = 0
        while next < pending.count {
            act(pending[next])
            next += 1
        }
        pending.removeAll()
        isActing = false
        writeFrames()
    }

    private func act(_ action: HandshakeAction) {
        switch action {
        case .send(let message): stream.queue(message)
        case .identify(let identity):
            stream.payloadLimit = FrameHeader.maximumPayloadByteCount
            endPhase(.handshake)
            engine.identify(self, identity)
        case .beginAttempt(let transport): begin(transport)
        case .deliverStep(_, let payload): advance(step: payload)
        case .abandonAttempt: dropAttempt()
        case .completeAttempt(let transport): stage = .completing(transport: transport)
        case .fail(let failure):
            self.failure = failure
            stage = .closing
            deadline = min(deadline, .now + .seconds(1))
            dropAttempt()
            engine.failed(self)
        }
    }

    private func begin(_ transport: UInt32) {
        transportOnTrial = transport
        beginPhase(.attempt(transport))
        do throws(TransportRefusal) {
            let role: AttemptRole = handshake.role == .starter ? .starter : .answerer
            attempt = prepared.removeValue(forKey: transport)
            if attempt == nil { attempt = try engine.makeAttempt(transport, role, with: peer) }
        } catch { return tell(.attemptRefused(Refusal(error))) }
        if let attempt, attempt.descriptor >= 0, case let error = watch(attempt), error != 0 {
            dropAttempt()
            let text = "no descriptor to wait for it by: \(systemErrorText(error))"
            return tell(.attemptRefused(Refusal(.resources, text)))
        }
        advance(step: nil)
    }

    private func advance(step: [UInt8]?) {
        guard let attempt else { return }
        do throws(TransportRefusal) {
            switch try attempt.advance(step: step) {
            case .wait: break
            case .step(let number, let payload): tell(.attemptStep(number: number, payload: payload))
            case .accepted: tell(.attemptAccepted)
            }
        } catch { tell(.attemptRefused(Refusal(error))) }
    }

    /// A copy of the descriptor: several attempts may share one.
    /// - Returns: 0 or an errno.
    private func watch(_ attempt: any TransportAttempt) -> Int32 {
        let copy = fcntl(attempt.descriptor, F_DUPFD_CLOEXEC, 0)
        guard copy >= 0 else { return errno }
        guard let id = engine.watches.add(copy, .attempt(self), readable: true, writable: false) else {
            defer { close(copy) }
            return errno
        }
        attemptWatch = id
        attemptDescriptor = Descriptor(owning: copy)
        return 0
    }

    private func dropAttempt() {
        if let transport = transportOnTrial.take() { endPhase(.attempt(transport)) }
        attempt = nil
        guard let watch = attemptWatch.take(), let descriptor = attemptDescriptor.take() else { return }
        engine.watches.remove(watch, descriptor.number)
    }
}

extension HandshakeDriver {
    /// How a payload that the peer cannot read from our memory may wait for its receive.
    var rendezvousWay: RendezvousThresholds.Way {
        guard let peerFeatures else { return .pscom }
        return peerFeatures & VersionOffer.Extension.rendezvousByMessages != 0 ? .messages : .none
    }
}

extension Refusal {
    init(_ refusal: TransportRefusal) { self.init(RefusalCode(rawValue: refusal.code.rawValue), refusal.text) }
}
