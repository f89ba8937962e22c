import Glibc
import Precon

/// The byte stream of one handshake: whole frames in and out, never a byte beyond the frame that is being read, so
/// that a transport can go on where the handshake stopped.
final class PreconStream {
    enum Incoming {
        case nothing
        case message(PreconMessage)
        /// A type that this version does not know.
        case unknown
        case garbage(PreconError)
        /// `systemError` is 0 at an orderly end.
        case ended(systemError: Int32)
    }

    /// A peer that has not been identified may send less.
    static let payloadLimitForStrangers: UInt32 = 16_384
    /// More than a usual first flight.
    private static let peekByteCount = 4_096

    private var descriptor: Descriptor?
    /// What has come and is still in the socket, so that one look serves many frames; `lookedAtByteCount` of it belongs
    /// to frames.
    private var peeked: [UInt8] = []
    private var lookedAtByteCount = 0
    /// The beginning of a frame that has not come whole; out of the socket.
    private var collected: [UInt8] = []
    /// Until a whole frame has come.
    private var isAtBeginning = true
    private var outgoing: [UInt8] = []
    var payloadLimit = payloadLimitForStrangers

    init(owning socket: consuming Descriptor) { descriptor = consume socket }

    /// -1 once the socket was given away.
    var socket: Int32 { descriptor?.number ?? -1 }

    /// The socket with what comes after the last frame that was read.
    func release() -> Descriptor? {
        endTurn()
        return descriptor.take()
    }

    /// 0 when a connect that was under way has succeeded, else its errno.
    var connectError: Int32 {
        var error: Int32 = 0
        var byteCount = socklen_t(MemoryLayout<Int32>.size)
        return getsockopt(socket, SOL_SOCKET, SO_ERROR, &error, &byteCount) == 0 ? error : errno
    }

    var hasOutgoing: Bool { !outgoing.isEmpty }

    func queue(_ message: PreconMessage) { outgoing += message.frame }

    /// - Returns: 0, or the errno that ended the stream.
    func flush() -> Int32 {
        while !outgoing.isEmpty {
            let count = outgoing.withUnsafeBytes {
                Glibc.send(socket, $0.baseAddress, $0.count, Int32(MSG_DONTWAIT) | Int32(MSG_NOSIGNAL))
            }
            guard count >= 0 else { return errno == EAGAIN || errno == EINTR ? 0 : errno }
            outgoing.removeFirst(count)
        }
        return 0
    }

    /// The next message, if all of it has come. To be followed by `endTurn` when no more is read for now.
    func read() -> Incoming {
        if peeked.isEmpty, let stop = peek() {
            if case .ended = stop, let foreign { return .garbage(foreign) }
            return stop
        }
        let size = FrameHeader.byteCount
        guard collect(upTo: size) else { return .nothing }
        do throws(PreconError) {
            let header = try FrameHeader(decoding: Array(collected.prefix(size)))
            guard header.payloadByteCount <= payloadLimit else {
                throw .payloadTooLong(byteCount: header.payloadByteCount, limit: payloadLimit)
            }
            guard collect(upTo: size + Int(header.payloadByteCount)) else { return .nothing }
            defer { collected.removeAll(keepingCapacity: true) }
            isAtBeginning = false
            let message = try PreconMessage(type: header.type, payload: collected.dropFirst(size))
            return message.map { .message($0) } ?? .unknown
        } catch { return .garbage(foreign ?? error) }
    }

    /// The first frame has not come whole, and is none of ours as far as can be seen.
    var foreign: PreconError? {
        guard isAtBeginning else { return nil }
        return PreconError(ofStreamBeginningWith: collected + peeked.dropFirst(lookedAtByteCount))
    }

    /// Takes out of the socket what belongs to the frames that were read.
    func endTurn() {
        var rest = lookedAtByteCount
        while rest > 0 {
            let count = peeked.withUnsafeMutableBytes { recv(socket, $0.baseAddress, min(rest, $0.count), 0) }
            guard count > 0 else { break }
            rest -= count
        }
        peeked.removeAll(keepingCapacity: true)
        lookedAtByteCount = 0
    }

    /// Reads and drops what comes, at most so many bytes. Returns false at the end of the stream.
    func drain(_ limit: Int) -> Bool {
        withUnsafeTemporaryAllocation(byteCount: limit, alignment: 1) { buffer in
            let count = recv(socket, buffer.baseAddress, buffer.count, Int32(MSG_DONTWAIT))
            return count > 0 || (count < 0 && (errno == EAGAIN || errno == EINTR))
        }
    }

    /// Something is there to be read, or the end.
    var hasIncoming: Bool {
        var byte: UInt8 = 0
        return recv(socket, &byte, 1, Int32(MSG_DONTWAIT) | Int32(MSG_PEEK)) >= 0
    }

    /// No more will be sent; the peer can still read what was.
    func finishSending() { shutdown(socket, Int32(SHUT_WR)) }

    private func peek() -> Incoming? {
        var count = 0
        var systemError: Int32 = 0
        peeked = [UInt8](unsafeUninitializedCapacity: Self.peekByteCount) { buffer, used in
            count = recv(socket, buffer.baseAddress, buffer.count, Int32(MSG_DONTWAIT) | Int32(MSG_PEEK))
            systemError = errno
            used = max(0, count)
        }
        if count == 0 { return .ended(systemError: 0) }
        if count > 0 { return nil }
        return systemError == EAGAIN || systemError == EINTR ? .nothing : .ended(systemError: systemError)
    }

    /// Collects a frame up to so many bytes; false when they have not all come.
    private func collect(upTo byteCount: Int) -> Bool {
        let count = min(byteCount - collected.count, peeked.count - lookedAtByteCount)
        if count > 0 {
            collected += peeked[lookedAtByteCount..<(lookedAtByteCount + count)]
            lookedAtByteCount += count
        }
        return collected.count >= byteCount
    }
}
