public import CHandfast
import Glibc
public import TransportAPI

/// Joins two connections of one endpoint: a process that sends to itself. Bytes go through a buffer in its memory.
// Safe: the state is made here, freed here, and handed out only as the transport API says.
@safe public final class LoopbackTransport: Transport {
    public let operations: UnsafePointer<hf_transport_operations>
    public let state: UnsafeMutableRawPointer
    /// Never sleeps: what arrives was sent by the same thread, so `arm` knows all.
    public let descriptor: Int32 = -1
    /// Starters whose token is on its way, by token.
    private var meetings: [[UInt8]: LoopbackMeeting] = [:]

    public static let definition = TransportDefinition(
        name: "loopback", number: 0x4800, summary: "a process to itself, through a buffer in its memory",
        make: { _ throws(TransportRefusal) in LoopbackTransport() })

    public init() {
        unsafe operations = LoopbackState.makeOperations()
        unsafe state = UnsafeMutableRawPointer(LoopbackState.make())
    }

    deinit {
        unsafe LoopbackState.destroy(state.assumingMemoryBound(to: LoopbackState.self))
        unsafe operations.deallocate()
    }

    public func makeAttempt(
        _ role: AttemptRole, with peer: PeerDescription
    ) throws(TransportRefusal) -> any TransportAttempt {
        guard peer.isSelf else {
            throw TransportRefusal(.unreachable, "it joins an endpoint to itself, and the peer is another")
        }
        switch role {
        case .starter:
            let meeting = try LoopbackMeeting()
            meetings[meeting.token] = meeting
            return LoopbackAttempt(startingAt: meeting, transport: self)
        case .answerer: return LoopbackAttempt(answeringFor: self)
        }
    }

    /// The meeting of this token, which nobody else can then join; nil for a token that is not waited for.
    func takeMeeting(_ token: [UInt8]) -> LoopbackMeeting? { meetings.removeValue(forKey: token) }

    /// An end that receives what it sends.
    func makeMirror() -> LoopbackChannel.Pointer {
        unsafe LoopbackChannel.makeMirror(transport: state.assumingMemoryBound(to: LoopbackState.self))
    }

    func makePair() -> (LoopbackChannel.Pointer, LoopbackChannel.Pointer) {
        unsafe LoopbackChannel.makePair(transport: state.assumingMemoryBound(to: LoopbackState.self))
    }
}
