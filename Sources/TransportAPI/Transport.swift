public import CHandfast

/// Which side of a connection an attempt is made for; the starter proposed the transport.
public enum AttemptRole: Hashable, Sendable { case starter, answerer }

/// One way to move bytes, for one endpoint. All calls come from the endpoint's own thread.
///
/// Only what happens once per connection goes through this protocol; the data path is `operations` on `state`.
public protocol Transport: AnyObject {
    /// Tries to use this transport with a peer. Called once per ARCH_REQ, on both sides.
    /// - Throws: a reason when it is known beforehand that it cannot work.
    func makeAttempt(_ role: AttemptRole, with peer: PeerDescription) throws(TransportRefusal) -> any TransportAttempt

    /// The functions of the data path; the table outlives the transport.
    var operations: UnsafePointer<hf_transport_operations> { get }

    /// What `operations.poll` and `arm` are called with.
    var state: UnsafeMutableRawPointer { get }

    /// Becomes readable when something arrives for an armed transport; -1 when it never sleeps.
    var descriptor: Int32 { get }
}

/// One try at one connection. It is ended by `open` or by its release, exactly once.
public protocol TransportAttempt: AnyObject {
    /// Called with each step of the peer, and once without at the beginning. A starter that can be its own peer accepts
    /// when it gets its own step back, and its channel then receives what it sends.
    /// - Returns: what is to be done; `.wait` until the peer's next step or until the attempt's descriptor is readable.
    func advance(step: [UInt8]?) throws(TransportRefusal) -> AttemptProgress

    /// Readable when the attempt can go on without a step from the peer; -1 when it never can.
    var descriptor: Int32 { get }

    /// Both sides accepted: makes the channel that carries the connection.
    /// - Parameters:
    ///   - socket: the handshake's own TCP stream; a transport that keeps it says so by `takesSocket`.
    ///   - connection: handed back with every call to `engine`.
    /// - Throws: when the transport broke its word; the connection ends, and the endpoint does without the transport from
    ///   then on. What can be foreseen is refused by `advance`.
    func open(
        socket: Int32, engine: UnsafePointer<hf_engine_operations>, connection: UnsafeMutableRawPointer
    ) throws(TransportRefusal) -> UnsafeMutableRawPointer

    /// True when the channel goes on over the handshake's socket and closes it in the end.
    var takesSocket: Bool { get }

    /// Whether the peer can use its `operations.read` on this connection; asked when both sides have accepted, before
    /// `open`. If not, all payloads go through the channel.
    var peerReads: Bool { get }

    /// Whether a large payload comes sooner through the channel, while its sender makes progress, than by `read`.
    var prefersChannel: Bool { get }
}

extension TransportAttempt {
    public var peerReads: Bool { true }
    public var prefersChannel: Bool { false }
}

/// What an attempt wants next.
public enum AttemptProgress: Hashable, Sendable {
    case wait
    /// Send this to the other end, then wait.
    case step(number: Int, payload: [UInt8])
    /// It works as far as this side can see.
    case accepted
}
