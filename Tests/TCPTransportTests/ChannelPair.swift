import CHandfast
import Glibc
import TCPTransport
import Testing
import TransportAPI

/// What an engine would keep of one connection.
final class Recorder {
    var bytes: [UInt8] = []
    var ends: [Int32] = []
    var hasRoom = false
    /// The most bytes taken at once.
    var takeLimit = Int.max
    /// Filled first, once.
    var place: UnsafeMutableRawBufferPointer?
    var placedCount = 0

    static func of(_ connection: UnsafeMutableRawPointer?) -> Recorder {
        Unmanaged<Recorder>.fromOpaque(connection!).takeUnretainedValue()
    }
}

/// Two channels at the ends of one stream, in one thread.
final class ChannelPair {
    let sender = Recorder()
    let receiver = Recorder()
    private let transport: TCPTransport
    private let engine: UnsafeMutablePointer<hf_engine_operations>
    private var channels: [UnsafeMutableRawPointer] = []
    private let receiverSocket: Int32
    /// What lies in the receiver's socket unread, up to 1 MiB.
    var unreadByteCount: Int {
        var buffer = [UInt8](repeating: 0, count: 1 << 20)
        return recv(receiverSocket, &buffer, buffer.count, Int32(MSG_PEEK) | Int32(MSG_DONTWAIT))
    }

    init(transport: TCPTransport? = nil) throws {
        self.transport = try transport ?? TCPTransport()
        engine = .allocate(capacity: 1)
        engine.initialize(
            to: hf_engine_operations(
                byte_count: UInt32(MemoryLayout<hf_engine_operations>.size), version: UInt32(HF_TRANSPORT_VERSION),
                place: { connection, byteCount in
                    let recorder = Recorder.of(connection)
                    byteCount!.pointee = 4096
                    guard let place = recorder.place, recorder.placedCount < place.count else { return nil }
                    byteCount!.pointee = UInt64(place.count - recorder.placedCount)
                    return place.baseAddress! + recorder.placedCount
                },
                placed: { connection, byteCount in Recorder.of(connection).placedCount += Int(byteCount) },
                deliver: { connection, bytes, byteCount in
                    let recorder = Recorder.of(connection)
                    let taken = min(Int(byteCount), recorder.takeLimit)
                    recorder.bytes += UnsafeRawBufferPointer(start: bytes, count: taken)
                    return UInt64(taken)
                },
                writable: { connection in Recorder.of(connection).hasRoom = true },
                read_done: { _, _, _ in },
                closed: { connection, error in Recorder.of(connection).ends.append(error) },
                lost: { connection, error, _ in Recorder.of(connection).ends.append(error) }))
        var sockets: [Int32] = [-1, -1]
        try #require(socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &sockets) == 0)
        receiverSocket = sockets[1]
        let peer = PeerDescription(name: "peer", address: [127, 0, 0, 1], isLocal: true)
        for (socket, recorder) in zip(sockets, [sender, receiver]) {
            let attempt = try self.transport.makeAttempt(.starter, with: peer)
            #expect(try attempt.advance(step: nil) == .accepted)
            channels.append(
                try attempt.open(
                    socket: socket, engine: engine, connection: Unmanaged.passUnretained(recorder).toOpaque()))
        }
    }

    func send(_ bytes: ArraySlice<UInt8>) -> Int { send(bytes, by: channels[0]) }
    /// From the receiver to the sender.
    func sendBack(_ bytes: ArraySlice<UInt8>) -> Int { send(bytes, by: channels[channels.count - 1]) }

    private func send(_ bytes: ArraySlice<UInt8>, by channel: UnsafeMutableRawPointer) -> Int {
        bytes.withUnsafeBytes { buffer in
            var piece = hf_piece(bytes: buffer.baseAddress, byte_count: UInt64(buffer.count))
            return Int(transport.operations.pointee.send(channel, &piece, 1))
        }
    }

    func poll() { _ = transport.operations.pointee.poll(transport.state) }
    func resume() { transport.operations.pointee.resume(channels[channels.count - 1]) }
    func closeSender() { transport.operations.pointee.close(channels.removeFirst()) }

    deinit {
        for channel in channels { transport.operations.pointee.close(channel) }
        engine.deallocate()
    }
}
