import CSystem
import Glibc
import TransportAPI

/// What came over the Unix socket: an introduction, and descriptors that are closed if nobody takes them.
final class Message {
    let introduction: Introduction
    private var descriptors: [Int32]

    private init(introduction: Introduction, descriptors: [Int32]) {
        self.introduction = introduction
        self.descriptors = descriptors
    }

    deinit { for descriptor in descriptors { close(descriptor) } }

    /// - Returns: nil when nothing has come yet.
    /// - Throws: `unreachable` when the peer gave up, `malformedStep` for another kind of message, `resources`.
    static func receive(
        on socket: borrowing Descriptor, descriptorCount: Int
    ) throws(TransportRefusal) -> Message? {
        var bytes = [UInt8](repeating: 0, count: Introduction.byteCount)
        var descriptors = [Int32](repeating: -1, count: descriptorCount)
        let status = unsafe csystem_receive_message(
            socket.number, &bytes, UInt64(bytes.count), &descriptors, Int32(descriptorCount))
        switch -status {
        case 0: break
        case EAGAIN, EINTR: return nil
        case EPIPE, ECONNRESET:
            throw TransportRefusal(.unreachable, "the peer gave up: it closed the Unix socket")
        case EBADMSG:
            throw TransportRefusal(
                .malformedStep,
                "the peer's message over the Unix socket is not one of \(bytes.count) bytes and "
                    + "\(descriptorCount) descriptors")
        case let error: throw .system(error, "cannot receive the peer's descriptors")
        }
        let parts = descriptors
        guard let introduction = Introduction(bytes) else {
            for descriptor in parts { close(descriptor) }
            throw TransportRefusal(.malformedStep, "the peer's message over the Unix socket names no bit of a doorbell")
        }
        return Message(introduction: introduction, descriptors: parts)
    }

    static func send(
        _ introduction: Introduction, on socket: borrowing Descriptor, _ descriptors: [Int32]
    ) throws(TransportRefusal) {
        let bytes = introduction.bytes
        let status = unsafe csystem_send_message(
            socket.number, bytes, UInt64(bytes.count), descriptors, Int32(descriptors.count))
        guard status == 0 else { throw .system(-status, "cannot send descriptors to the peer") }
    }

    /// The next of its descriptors, the last first; the caller owns it.
    func takeLast() -> Descriptor { Descriptor(owning: descriptors.removeLast()) }

    /// Takes a segment over, whatever comes of it.
    func takeSegment(
        byteCount: Int, wholeByteCount: Int? = nil, _ what: String
    ) throws(TransportRefusal) -> SharedSegment {
        do {
            var segment = try SharedSegment.adopt(
                takeLast().release(), expecting: byteCount, wholeByteCount: wholeByteCount)
            segment.closeDescriptor()
            return segment
        } catch { throw .segment(error, what) }
    }

    func takeBell() throws(TransportRefusal) -> Descriptor {
        let bell = takeLast()
        let opened = csystem_bell_open(bell.number)
        if opened == -EPERM {
            throw TransportRefusal(.unreachable, "the peer's descriptor to wake it is no pipe")
        }
        guard opened >= 0 else { throw .system(-opened, "cannot open the pipe that wakes the peer") }
        return Descriptor(owning: opened)
    }
}
