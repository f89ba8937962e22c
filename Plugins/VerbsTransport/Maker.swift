import Glibc

/// The process that something was made by. A forked child has a copy, and what that names in the kernel is not the child's to end.
struct Maker {
    private let process = getpid()

    var isThisProcess: Bool { process == getpid() }
}
