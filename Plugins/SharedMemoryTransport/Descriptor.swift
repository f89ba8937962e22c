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
}
