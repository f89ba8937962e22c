import CHandfast
import CSystem
import CVerbs
import Glibc
import TransportAPI

/// Each side finds its route and makes a queue pair; the starter says so in STEP 1, the answerer in its own, which connects it.
/// The starter accepts when it has read a number of the answerer's memory over the new path.
///
/// Over iWARP the answerer's step says where it listens. The starter connects there, and the answerer accepts when it has done so.
// Safe: it only passes pointers on; the transport that it holds keeps the state alive.
@safe final class VerbsAttempt: TransportAttempt {
    private enum State {
        case idle
        /// With the peer's offer at the answerer.
        case finding(RouteFinder, VerbsOffer?)
        /// Starter: no answer yet.
        case offered(HalfChannel)
        /// iWARP: librdmacm has not connected yet, to the answerer if this is the starter.
        case connecting(HalfChannel, VerbsOffer?)
        /// Starter: the read has not ended.
        case proving(HalfChannel, VerbsOffer)
        /// Answerer: its step is out.
        case answered(HalfChannel)
        case met(HalfChannel)
        /// Opened, or refused.
        case over
    }

    let takesSocket = false
    private let role: AttemptRole
    private let transport: VerbsTransport
    private let peer: [UInt8]
    /// An epoll descriptor of its own, of what the state waits for.
    private let watcher: Descriptor
    /// Rung to have `advance` called.
    private let attention: Descriptor
    /// Readable when connection and proof have taken too long; -1 before they begin.
    private var timer: Int32 = -1
    private var state = State.idle

    init(_ role: AttemptRole, transport: VerbsTransport, peer: PeerDescription) throws(TransportRefusal) {
        (self.role, self.transport, self.peer) = (role, transport, peer.address)
        let (epoll, event) = (csystem_epoll_make(), csystem_event_make())
        watcher = Descriptor(owning: epoll)
        attention = Descriptor(owning: event)
        guard epoll >= 0, event >= 0 else { throw .system(-min(epoll, event), "no descriptors for an attempt") }
        try watch(event)
    }

    deinit {
        // Before the transport, which may end with this.
        state = .over
        if timer >= 0 { close(timer) }
    }

    var descriptor: Int32 { watcher.number }

    func advance(step: [UInt8]?) throws(TransportRefusal) -> AttemptProgress {
        let now = state
        state = .over
        switch now {
        case .idle:
            switch (role, step) {
            case (.starter, nil): return try find(nil)
            case (.answerer, nil):
                state = .idle
                return .wait
            case (.answerer, let step?): return try find(VerbsOffer.parse(step))
            case (.starter, .some): throw Self.unexpectedStep
            }
        case .finding(let finder, let offer):
            guard step == nil else { throw Self.unexpectedStep }
            return try goOn(finder, offer)
        case .offered(let half):
            guard let step else {
                state = .offered(half)
                return .wait
            }
            return try connect(half, VerbsOffer.parse(step))
        case .connecting(let half, let answer):
            guard step == nil else { throw Self.unexpectedStep }
            return try checkConnection(half, answer)
        case .proving(let half, let answer):
            guard step == nil else { throw Self.unexpectedStep }
            return try checkProof(half, answer)
        case .answered(let half):
            guard step == nil else { throw Self.unexpectedStep }
            csystem_event_drain(attention.number)
            state = .met(half)
            return .accepted
        case .met, .over:
            state = now
            return .wait
        }
    }

    func open(
        socket: Int32, engine: UnsafePointer<hf_engine_operations>, connection: UnsafeMutableRawPointer
    ) -> UnsafeMutableRawPointer {
        guard case .met(let half) = state else {
            preconditionFailure("an attempt is opened once, after it was accepted")
        }
        state = .over
        let channel = unsafe half.release()
        unsafe VerbsChannel.open(channel, engine: engine, connection: connection)
        // Armed already, perhaps, with something that came before.
        return UnsafeMutableRawPointer(channel)
    }

    private func find(_ offer: VerbsOffer?) throws(TransportRefusal) -> AttemptProgress {
        let finder = try RouteFinder(transport, peer: peer)
        if finder.descriptor >= 0 { try watch(finder.descriptor) }
        return try goOn(finder, offer)
    }

    private func goOn(_ finder: RouteFinder, _ offer: VerbsOffer?) throws(TransportRefusal) -> AttemptProgress {
        guard let route = try finder.advance() else {
            state = .finding(finder, offer)
            return .wait
        }
        if finder.descriptor >= 0 { _ = csystem_epoll_remove(watcher.number, finder.descriptor) }
        let half = try HalfChannel(route, transport: transport, attention: attention.number)
        guard let offer else {
            state = .offered(half)
            return .step(number: 1, payload: half.offer.payload)
        }
        if half.route.isIWARP { return try listen(half, for: offer) }
        try half.connect(to: offer, peer: peer)
        // To be asked again once the step is out.
        csystem_event_ring(attention.number)
        state = .answered(half)
        return .step(number: 1, payload: half.offer.payload)
    }

    private func listen(_ half: HalfChannel, for offer: VerbsOffer) throws(TransportRefusal) -> AttemptProgress {
        try watchConnection(half, VerbsTiming.answerMilliseconds)
        var answer = half.offer
        answer.listener = try half.listen(for: offer, peer: peer)
        state = .connecting(half, nil)
        return .step(number: 1, payload: answer.payload)
    }

    private func connect(_ half: HalfChannel, _ answer: VerbsOffer) throws(TransportRefusal) -> AttemptProgress {
        if half.route.isIWARP {
            try watchConnection(half, VerbsTiming.connectMilliseconds)
            try half.beginConnection(to: answer, peer: peer)
            return try checkConnection(half, answer)
        }
        try half.connect(to: answer, peer: peer)
        try startTimer(VerbsTiming.proofMilliseconds)
        return try prove(half, answer)
    }

    private func watchConnection(_ half: HalfChannel, _ milliseconds: Int32) throws(TransportRefusal) {
        try startTimer(milliseconds)
        unsafe try watch(cverbs_connection_descriptor(half.route.device.pointee.handle))
    }

    private func checkConnection(_ half: HalfChannel, _ answer: VerbsOffer?) throws(TransportRefusal) -> AttemptProgress
    {
        csystem_event_drain(attention.number)
        guard try half.checkConnection() else {
            if csystem_timer_is_over(timer) != 0 { throw half.silence(of: answer) }
            return wait(.connecting(half, answer))
        }
        guard let answer else {
            state = .met(half)
            return .accepted
        }
        return try prove(half, answer)
    }

    private func prove(_ half: HalfChannel, _ answer: VerbsOffer) throws(TransportRefusal) -> AttemptProgress {
        unsafe try watch(cverbs_completion_descriptor(half.route.device.pointee.handle))
        try half.readProof(answer)
        return try checkProof(half, answer)
    }

    private func checkProof(_ half: HalfChannel, _ answer: VerbsOffer) throws(TransportRefusal) -> AttemptProgress {
        csystem_event_drain(attention.number)
        _ = unsafe VerbsState.poll(transport.raw)
        if try half.checkProof(answer) {
            state = .met(half)
            return .accepted
        }
        if csystem_timer_is_over(timer) != 0 {
            throw half.silence(of: answer)
        }
        if unsafe VerbsState.arm(transport.raw) { return wait(.proving(half, answer)) }
        // There is something already.
        csystem_event_ring(attention.number)
        return wait(.proving(half, answer))
    }

    private func startTimer(_ milliseconds: Int32) throws(TransportRefusal) {
        let made = csystem_timer_make(milliseconds)
        guard made >= 0 else { throw .system(-made, "no timer for an attempt") }
        timer = made
        try watch(made)
    }

    private func wait(_ next: State) -> AttemptProgress {
        state = next
        return .wait
    }

    private func watch(_ descriptor: Int32) throws(TransportRefusal) {
        let status = csystem_epoll_add(watcher.number, descriptor, nil, 1, 0)
        guard status == 0 else { throw .system(-status, "cannot watch a descriptor of an attempt") }
    }

    private static var unexpectedStep: TransportRefusal {
        TransportRefusal(.malformedStep, "verbs: a step where none is due")
    }
}
