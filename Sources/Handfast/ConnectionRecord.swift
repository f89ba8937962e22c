import Precon
import TransportAPI

/// The slow half of a connection: who the peer is, what was decided, how it ended.
final class ConnectionRecord {
    enum Phase {
        /// The peer's host names are being resolved.
        case resolving(Resolution)
        /// This side connects.
        case dialing(Dial)
        /// The peer does, or it is this endpoint itself.
        case connecting(HandshakeDriver)
        /// Not connected; the association tells whether somebody tries.
        case onDemand
        /// The handshake's socket stays open as a sign of life, unless the transport goes on over it.
        case connected(transport: Int)
        case ended
    }

    unowned let engine: Engine
    let slot: UnsafeMutablePointer<ConnectionSlot>
    let generation: UInt64
    var phase: Phase
    var peer: PeerDescription
    /// For texts: address, port and, once it is known, name.
    var peerText: String
    var decisions: [ConnectionDecision] = []
    /// Nil unless the endpoint keeps phases.
    var phaseLog: PhaseLog?
    /// Of the peer's endpoint; its memory keys have it too. 0 of a pscom peer.
    var peerIncarnation: UInt64 = 0
    /// What the transport said when its channel was lost.
    var channelReason: String?
    /// Why it ended; nil after an orderly close by this side.
    var error: HandfastError?
    /// When the peer's goodbye must have come.
    var closeDeadline: ContinuousClock.Instant?
    // Small ones behind one that leaves them room.
    /// The user has said close: the slot is given back at the end.
    var isClosedByUser = false
    /// Queued or sent; no message follows it.
    var hasQueuedEnd = false
    /// Its end is in the queue of events.
    var hasEvent = false
    /// Why the transport's channel ended; 0 when the peer closed it.
    var channelError: Int32 = 0
    var lifeline: Descriptor?
    var lifelineWatch: UInt?
    /// The lifeline has ended: how many deliveries there were when it was last looked at.
    var deliveriesAtLifelineEnd: UInt32?

    /// Where the peer of a connection on demand said that it listens, the best first; empty when it said nothing.
    var peerPlaces: [EndpointAddress.Place] = []
    /// Of a peer's connect that may come by several streams: which.
    var contest: Contest?
    /// Of a connection on demand that was ever used.
    var association: Association?

    init(
        slot: UnsafeMutablePointer<ConnectionSlot>, engine: Engine, peer: PeerDescription, peerText: String,
        phase: Phase = .onDemand
    ) {
        self.engine = engine
        self.slot = slot
        generation = slot.pointee.generation
        self.phase = phase
        self.peer = peer
        self.peerText = peerText
    }

    var isEnded: Bool { if case .ended = phase { true } else { false } }
}

extension UnsafeMutablePointer<ConnectionSlot> {
    var record: ConnectionRecord? {
        pointee.record.map { Unmanaged<ConnectionRecord>.fromOpaque($0).takeUnretainedValue() }
    }
}
