import CHandfast
import CSystem
import CVerbs
import Glibc
import TransportAPI

/// Each side finds its route and makes a queue pair; the starter says so in STEP 1, the answerer in its own, which connects it.
/// The starter accepts when it has read a number of the answerer's memory over the new path.
// Safe: it only passes pointers on; the transport that it holds keeps the state alive.
@safe final class VerbsAttempt: TransportAttempt {
    private enum State {
        case idle
        /// With the peer's offer at the answerer.
        case finding(RouteFinder, VerbsOffer?)
        /// Starter: no answer yet.
        case offered(HalfChannel)
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
    /// Readable when the proof has taken too long; -1 before it begins.
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

    deinit { if timer >= 0 { close(timer) } }

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
            return try prove(half, VerbsOffer.parse(step))
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
        try half.connect(to: offer, peer: peer)
        // To be asked again once the step is out.
        csystem_event_ring(attention.number)
        state = .answered(half)
        return .step(number: 1, payload: half.offer.payload)
    }

    private func prove(_ half: HalfChannel, _ answer: VerbsOffer) throws(TransportRefusal) -> AttemptProgress {
        try half.connect(to: answer, peer: peer)
        let made = csystem_timer_make(VerbsTiming.proofMilliseconds)
        guard made >= 0 else { throw .system(-made, "no timer for an attempt") }
        timer = made
        try watch(made)
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
            throw TransportRefusal(
                .unreachable,
                "nothing came back from \(answer.gid) over \(half.route.deviceName) within \(VerbsTiming.proofMilliseconds) ms;"
                    + " is UDP port 4791 open, and the MTU the same on the way?")
        }
        if unsafe VerbsState.arm(transport.raw) { return wait(.proving(half, answer)) }
        // There is something already.
        csystem_event_ring(attention.number)
        return wait(.proving(half, answer))
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
