import CHandfast
import Glibc
import TransportAPI

/// One end of a connection as an engine would drive it.
final class ChannelEnd {
    let sink: Sink
    let outgoing: Pattern
    /// The handshake's socket where the channel did not take it, else -1.
    private(set) var keptSocket: Int32
    private(set) var sentCount = 0
    private(set) var shortSendCount = 0
    /// A send was short and `writable` has not come since.
    private(set) var waitsForRoom = false
    /// Goes on by itself after each short delivery.
    var resumesByItself = true
    private let transport: any Transport
    private var channel: UnsafeMutableRawPointer?

    init(
        opening attempt: any TransportAttempt, of transport: any Transport, socket: Int32, outgoing: UInt64,
        incoming: UInt64
    ) throws(TransportRefusal) {
        self.transport = transport
        self.outgoing = Pattern(seed: outgoing)
        sink = Sink(incoming: Pattern(seed: incoming))
        keptSocket = attempt.takesSocket ? -1 : socket
        channel = try attempt.open(
            socket: socket, engine: Sink.engine, connection: Unmanaged.passUnretained(sink).toOpaque())
    }

    deinit { close() }

    var isClosed: Bool { channel == nil }

    /// Sends the next bytes of the stream as pieces of these sizes.
    /// - Returns: how many were taken.
    @discardableResult func send(_ byteCounts: Int...) -> Int { send(byteCounts) }

    @discardableResult func send(_ byteCounts: [Int]) -> Int {
        guard let channel else { return 0 }
        var offset = sentCount
        let pieces = byteCounts.map { byteCount in
            defer { offset += byteCount }
            return hf_piece(bytes: outgoing.bytes(at: offset, byteCount).baseAddress, byte_count: UInt64(byteCount))
        }
        let writableCount = sink.writableCount
        let taken = Int(transport.operations.pointee.send(channel, pieces, UInt32(pieces.count)))
        precondition(taken <= offset - sentCount, "more was taken than was given")
        let isShort = taken < offset - sentCount
        sentCount += taken
        if isShort {
            shortSendCount += 1
            waitsForRoom = sink.writableCount == writableCount
            roomAwaited = sink.writableCount
        }
        return taken
    }

    private var roomAwaited = 0

    /// True when an engine would send: no short send, or room since then.
    var maySend: Bool {
        if waitsForRoom, sink.writableCount > roomAwaited { waitsForRoom = false }
        return !waitsForRoom && !isClosed && sink.ends.isEmpty
    }

    /// The engine takes bytes again.
    func resume() {
        guard let channel, sink.isStopped else { return }
        sink.resumes()
        transport.operations.pointee.resume(channel)
    }

    /// Nil when the transport cannot read.
    func read(into destination: UnsafeMutableRawPointer, _ source: UInt64, _ byteCount: Int, token: UInt64) -> Int32? {
        guard let channel, let read = transport.operations.pointee.read else { return nil }
        return read(channel, destination, source, UInt64(byteCount), token)
    }

    /// Lets the other end read memory.
    /// - Returns: what to name it by; nil when this memory cannot be read.
    func expose(_ memory: UnsafeRawPointer, _ byteCount: Int) -> UInt64? {
        guard let channel, let expose = transport.operations.pointee.expose else {
            return UInt64(UInt(bitPattern: memory))
        }
        var name: UInt64 = 0
        return expose(channel, memory, UInt64(byteCount), &name) == 0 ? name : nil
    }

    /// As an engine does: the handshake's stream goes with the channel.
    func close() {
        defer {
            if keptSocket >= 0 { Glibc.close(keptSocket) }
            keptSocket = -1
        }
        guard let channel else { return }
        self.channel = nil
        sink.isClosed = true
        transport.operations.pointee.close(channel)
    }
}
