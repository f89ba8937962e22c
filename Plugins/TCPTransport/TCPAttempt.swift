import CHandfast
import TransportAPI

/// TCP has nothing to try: the stream that the handshake came over is the proof.
@safe final class TCPAttempt: TransportAttempt {  // Safe: it only passes pointers on.
    private let state: UnsafeMutablePointer<TCPState>

    init(state: UnsafeMutablePointer<TCPState>) { unsafe self.state = state }

    let descriptor: Int32 = -1
    let takesSocket = true

    func advance(step: [UInt8]?) throws(TransportRefusal) -> AttemptProgress { .accepted }

    func open(
        socket: Int32, engine: UnsafePointer<hf_engine_operations>, connection: UnsafeMutableRawPointer
    ) -> UnsafeMutableRawPointer {
        unsafe UnsafeMutableRawPointer(
            TCPChannel.make(socket: socket, transport: state, engine: engine, connection: connection))
    }
}
