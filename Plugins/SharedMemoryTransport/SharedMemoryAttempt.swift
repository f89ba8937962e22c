import CHandfast
import CSystem
import TransportAPI

/// The starter names its listener in STEP 1; the answerer knocks there with the pair's memory, the starter replies.
/// Each side accepts when it has seen that the memory is shared.
// Safe: it only passes pointers on; the transport that it holds keeps the state alive.
@safe final class SharedMemoryAttempt: TransportAttempt {
    private enum State: ~Copyable {
        case idle
        /// Starter: the answerer has not knocked yet.
        case calling
        /// Answerer: the starter has not replied yet.
        case asked(Half)
        case met(Link)
    }

    let transport: SharedMemoryTransport
    let takesSocket = false
    /// Known to the starter's lobby until the attempt is over.
    let token: Nonce
    /// Why the channel will have no `read`; nil when it will, or before it is accepted.
    private(set) var readObstacle: String?
    /// The peer's words in the pair's memory, from the acceptance to `open`.
    private var peers: PairMemory.Words?
    private let role: AttemptRole
    /// An epoll descriptor of its own, so that one attempt's end takes nothing from another's watcher.
    private let watcher: Descriptor
    /// Nil after a refusal and after `open`.
    private var state: State? = .idle

    init(_ role: AttemptRole, transport: SharedMemoryTransport) throws(TransportRefusal) {
        self.role = role
        self.transport = transport
        token = try Nonce.makeRandom()
        let made = csystem_epoll_make()
        guard made >= 0 else { throw .system(-made, "no descriptor for epoll") }
        watcher = Descriptor(owning: made)
        if role == .starter { transport.lobby.expect(token) }
    }

    deinit { transport.lobby.forget(token) }

    var descriptor: Int32 { watcher.number }

    var peerReads: Bool { peers.map { unsafe csystem_load_acquire($0.reads) != 0 } ?? false }

    /// Bulk memory is quicker as a rule; of which payloads it is not, the channel says.
    var prefersChannel: Bool { unsafe transport.raw.pointee.bulkLimit > 0 }

    func advance(step: [UInt8]?) throws(TransportRefusal) -> AttemptProgress {
        guard let now = state.take() else { return .wait }
        switch consume now {
        case .idle:
            switch (role, step) {
            case (.starter, nil):
                let proposal = try propose()
                state = .calling
                return .step(number: 1, payload: proposal.payload)
            case (.answerer, nil):
                state = .idle
                return .wait
            case (.answerer, let step?):
                state = .asked(try knock(Proposal.parse(step)))
                return .wait
            case (.starter, .some): throw SharedMemoryAttempt.unexpectedStep
            }
        case .calling:
            guard step == nil else { throw SharedMemoryAttempt.unexpectedStep }
            guard let socket = try transport.lobby.claim(token) else {
                state = .calling
                return .wait
            }
            _ = csystem_epoll_remove(watcher.number, transport.lobby.descriptor)
            transport.lobby.forget(token)
            return meet(try reply(on: socket))
        case .asked(let half):
            guard step == nil else { throw SharedMemoryAttempt.unexpectedStep }
            guard let message = try Message.receive(on: half.socket, descriptorCount: 2) else {
                state = .asked(half)
                return .wait
            }
            return meet(try conclude(half, message))
        case .met(let link):
            state = .met(link)
            return .wait
        }
    }

    func open(
        socket: Int32, engine: UnsafePointer<hf_engine_operations>, connection: UnsafeMutableRawPointer
    ) -> UnsafeMutableRawPointer {
        guard case .met(let link)? = state.take() else {
            preconditionFailure("an attempt is opened once, after it was accepted")
        }
        peers = nil
        return unsafe UnsafeMutableRawPointer(
            SharedMemoryChannel.make(link, transport: transport.raw, engine: engine, connection: connection))
    }

    /// Has the engine come back when this descriptor is readable.
    func watch(_ descriptor: Int32) throws(TransportRefusal) {
        let status = csystem_epoll_add(watcher.number, descriptor, nil, 1, 0)
        guard status == 0 else { throw .system(-status, "cannot watch a Unix socket") }
    }

    private func meet(_ link: consuming Link) -> AttemptProgress {
        readObstacle = link.peerMemory.obstacle
        let memory = unsafe PairMemory(link.segment.memory.baseAddress!, role: link.role)
        // Before this side's OK, so that the peer finds it when it has that.
        unsafe csystem_store_release(memory.mine.reads, readObstacle == nil ? link.peerMemory.secret : 0)
        peers = memory.peers
        state = .met(link)
        return .accepted
    }

    private static var unexpectedStep: TransportRefusal {
        TransportRefusal(.malformedStep, "shared memory: a step where none is due")
    }
}
