import Glibc

/// A descriptor that is closed with this value.
struct Descriptor: ~Copyable {
    let number: Int32

    init(owning number: Int32) { self.number = number }

    deinit { close(number) }

    /// Leaves it open, for the caller to close.
    consuming func release() -> Int32 {
        let number = number
        discard self
        return number
    }

    /// Whether it is an eventfd: writing to whatever else a peer may send could block or raise a signal.
    var isEvent: Bool {
        var target = [UInt8](repeating: 0, count: 64)
        let count = unsafe target.withUnsafeMutableBytes { target in
            unsafe readlink(
                "/proc/self/fd/\(number)", target.baseAddress!.assumingMemoryBound(to: CChar.self), target.count)
        }
        return String(decoding: target.prefix(max(0, count)), as: UTF8.self) == "anon_inode:[eventfd]"
    }

    /// The flag is the peer's too, but none of ours takes it away.
    func setNonBlocking() -> Bool { fcntl(number, F_SETFL, O_NONBLOCK) == 0 }
}
