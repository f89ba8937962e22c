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

    private var descriptor: Descriptor?
    private var header: FrameHeader?
    private var collected: [UInt8] = []
    private var outgoing: [UInt8] = []
    var payloadLimit = payloadLimitForStrangers

    init(owning socket: consuming Descriptor) { descriptor = consume socket }

    /// -1 once the socket was given away.
    var socket: Int32 { descriptor?.number ?? -1 }

    /// The socket with whatever is unread in it.
    func release() -> Descriptor? { descriptor.take() }

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

    /// The next message, if all of it has come.
    func read() -> Incoming {
        if header == nil {
            if let stop = collect(upTo: FrameHeader.byteCount) { return stop }
            do throws(PreconError) {
                let header = try FrameHeader(decoding: collected)
                guard header.payloadByteCount <= payloadLimit else {
                    throw .payloadTooLong(byteCount: header.payloadByteCount, limit: payloadLimit)
                }
                self.header = header
                collected.removeAll()
            } catch { return .garbage(error) }
        }
        guard let header else { return .nothing }
        if let stop = collect(upTo: Int(header.payloadByteCount)) { return stop }
        self.header = nil
        defer { collected.removeAll() }
        do throws(PreconError) {
            let message = try PreconMessage(type: header.type, payload: collected[...])
            return message.map { .message($0) } ?? .unknown
        } catch { return .garbage(error) }
    }

    /// Reads and drops what comes, at most so many bytes. Returns false at the end of the stream.
    func drain(_ limit: Int) -> Bool {
        withUnsafeTemporaryAllocation(byteCount: limit, alignment: 1) { buffer in
            let count = recv(socket, buffer.baseAddress, buffer.count, Int32(MSG_DONTWAIT))
            return count > 0 || (count < 0 && (errno == EAGAIN || errno == EINTR))
        }
    }

    /// No more will be sent; the peer can still read what was.
    func finishSending() { shutdown(socket, Int32(SHUT_WR)) }

    private func collect(upTo byteCount: Int) -> Incoming? {
        while collected.count < byteCount {
            let wanted = min(byteCount - collected.count, 4_096)
            var count = 0
            var systemError: Int32 = 0
            collected.append(addingCapacity: wanted) { buffer in
                count = recv(socket, buffer, wanted, Int32(MSG_DONTWAIT))
                systemError = errno
                return max(0, count)
            }
            if count == 0 { return .ended(systemError: 0) }
            if count < 0 {
                return systemError == EAGAIN || systemError == EINTR ? .nothing : .ended(systemError: systemError)
            }
        }
        return nil
    }
}

extension [UInt8] {
    /// Appends what `fill` writes: it is given room for so many bytes and says how many it wrote.
    fileprivate mutating func append(addingCapacity byteCount: Int, _ fill: (UnsafeMutableRawPointer?) -> Int) {
        withUnsafeTemporaryAllocation(byteCount: byteCount, alignment: 1) { room in
            append(contentsOf: room.prefix(fill(room.baseAddress)))
        }
    }
}
