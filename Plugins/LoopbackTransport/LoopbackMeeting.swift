import Glibc
import TransportAPI

/// Where the two attempts of one connection find each other: known by a token that only this endpoint has seen.
@safe final class LoopbackMeeting {  // Safe: the channel is freed by whoever takes it, else by `deinit`.
    static let tokenByteCount = 16

    let token: [UInt8]
    /// Readable when the answerer has come.
    let descriptor: Int32
    private var bell: Int32
    /// The starter's end, until the starter opens it.
    private var channel: LoopbackChannel.Pointer?

    init() throws(TransportRefusal) {
        var ends: [Int32] = [-1, -1]
        guard unsafe pipe(&ends) == 0 else {
            let error = errno
            let remedy = error == ENFILE ? DescriptorRemedy.ofHost : DescriptorRemedy.ofProcess
            throw TransportRefusal(.resources, "no descriptors for a pipe (errno \(error)): \(remedy)")
        }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        (descriptor, bell) = (ends[0], ends[1])
        // Nobody can guess it: a peer that only claims to be this endpoint finds no meeting.
        var source = SystemRandomNumberGenerator()
        token = (0..<Self.tokenByteCount).map { _ in UInt8.random(in: .min ... .max, using: &source) }
    }

    var hasAnswerer: Bool { unsafe channel != nil }

    /// The answerer has come: leaves the starter's end here.
    func leave(_ channel: LoopbackChannel.Pointer) {
        unsafe self.channel = channel
        // The end of the stream makes the other end readable.
        close(bell)
        bell = -1
    }

    func takeChannel() -> LoopbackChannel.Pointer? {
        defer { unsafe channel = nil }
        return unsafe channel
    }

    deinit {
        close(descriptor)
        if bell >= 0 { close(bell) }
        if let channel = unsafe channel { unsafe LoopbackChannel.abandon(channel) }
    }
}
