import CHandfast
import Glibc
import TransportAPI

@testable import SharedMemoryTransport

/// One end of a connection as its engine sees it.
final class Side {
    let transport: SharedMemoryTransport
    let recorder = Recorder()
    private let engine = Recorder.makeEngine()
    private var channel: UnsafeMutableRawPointer?

    init(_ transport: SharedMemoryTransport, _ attempt: SharedMemoryAttempt) {
        self.transport = transport
        channel = attempt.open(socket: -1, engine: engine, connection: recorder.connection)
    }

    deinit {
        close()
        engine.deallocate()
    }

    var raw: UnsafeMutablePointer<SharedMemoryChannel> { channel!.assumingMemoryBound(to: SharedMemoryChannel.self) }

    func send(_ bytes: some Collection<UInt8>) -> Int { send([Array(bytes)]) }

    func send(_ parts: [[UInt8]]) -> Int {
        let whole = parts.flatMap { $0 }
        return whole.withUnsafeBytes { buffer in
            var offset = 0
            let pieces = parts.map { part in
                defer { offset += part.count }
                return hf_piece(bytes: buffer.baseAddress.map { $0 + offset }, byte_count: UInt64(part.count))
            }
            return Int(transport.operations.pointee.send(channel, pieces, UInt32(pieces.count)))
        }
    }

    @discardableResult func poll() -> UInt32 { transport.operations.pointee.poll(transport.state) }
    func arm() -> Int32 { transport.operations.pointee.arm(transport.state) }
    func resume() { transport.operations.pointee.resume(channel) }

    func read(_ destination: UnsafeMutableRawBufferPointer, from source: UInt64, token: UInt64) -> Int32 {
        transport.operations.pointee.read(
            channel, destination.baseAddress, source, UInt64(destination.count), token)
    }

    func close() {
        guard let open = channel else { return }
        channel = nil
        transport.operations.pointee.close(open)
    }

    var isWakeReadable: Bool {
        var entry = pollfd(fd: transport.descriptor, events: Int16(POLLIN), revents: 0)
        return Glibc.poll(&entry, 1, 0) == 1
    }
}
