import CEpoll
import CHandfast
import Glibc
import TransportAPI

/// The transport of one endpoint.
final class StreamTransport: Transport {
    private let shared: UnsafeMutablePointer<StreamState>

    init(_ values: SettingValues) throws(TransportRefusal) {
        let epoll = cepoll_make()
        guard epoll >= 0 else { throw TransportRefusal(.resources, "no epoll: \(String(cString: strerror(errno)))") }
        shared = .allocate(capacity: 1)
        shared.initialize(to: StreamState(epoll: epoll, stagingByteCount: values[StreamState.readAhead]))
    }

    deinit {
        StreamState.end(shared)
        shared.deallocate()
    }

    var operations: UnsafePointer<hf_transport_operations> { StreamChannel.operations }
    var state: UnsafeMutableRawPointer { UnsafeMutableRawPointer(shared) }
    var descriptor: Int32 { shared.pointee.epoll }

    func makeAttempt(_ role: AttemptRole, with peer: PeerDescription) throws(TransportRefusal) -> any TransportAttempt {
        StreamAttempt(shared)
    }
}

/// There is nothing to try: the stream that the handshake came over is the proof.
final class StreamAttempt: TransportAttempt {
    private let shared: UnsafeMutablePointer<StreamState>

    init(_ shared: UnsafeMutablePointer<StreamState>) { self.shared = shared }

    let descriptor: Int32 = -1
    let takesSocket = true

    func advance(step: [UInt8]?) throws(TransportRefusal) -> AttemptProgress { .accepted }

    func open(
        socket: Int32, engine: UnsafePointer<hf_engine_operations>, connection: UnsafeMutableRawPointer
    ) -> UnsafeMutableRawPointer {
        let channel = UnsafeMutablePointer<StreamChannel>.allocate(capacity: 1)
        channel.initialize(
            to: StreamChannel(shared: shared, socket: socket, engine: engine, connection: connection))
        StreamChannel.watch(channel)
        return UnsafeMutableRawPointer(channel)
    }
}
