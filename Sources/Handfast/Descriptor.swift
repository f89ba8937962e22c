import Glibc

/// An open file descriptor, closed with its owner.
struct Descriptor: ~Copyable {
    let number: Int32

    init(owning number: Int32) { self.number = number }

    deinit { close(number) }

    /// Gives up the ownership: the caller closes it.
    consuming func release() -> Int32 {
        let number = number
        discard self
        return number
    }
}
