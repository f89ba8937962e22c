import Glibc
import Testing

/// RLIMIT_MEMLOCK, of a type that Swift does not import.
private let lockedMemory = __rlimit_resource_t(8)

/// Calls it where this thread may pin nothing more, as one without privileges whose `ulimit -l` is used up.
func withoutMorePinnedMemory(_ body: () throws -> Void) throws {
    var limit = rlimit()
    getrlimit(lockedMemory, &limit)
    // A limit of nothing is another error.
    var none = rlimit(rlim_cur: 1, rlim_max: limit.rlim_max)
    let capabilities = try Capabilities()
    try capabilities.set(without: Capabilities.lockMemory)
    setrlimit(lockedMemory, &none)
    defer {
        setrlimit(lockedMemory, &limit)
        try? capabilities.set(without: 0)
    }
    try body()
}

/// Of this thread, as `capget(2)` has them. Glibc has the functions, and declares them nowhere.
private struct Capabilities {
    static let lockMemory: UInt32 = 1 << 14

    private typealias Function = @convention(c) (UnsafeMutableRawPointer, UnsafeMutableRawPointer) -> Int32
    /// Version 3, and this thread.
    private static let header: [UInt32] = [0x2008_0522, 0]
    /// Effective, permitted and inheritable, of the first 32 and of the others.
    private var words = [UInt32](repeating: 0, count: 6)

    init() throws {
        var header = Self.header
        let get = unsafeBitCast(try #require(dlsym(nil, "capget")), to: Function.self)
        try #require(get(&header, &words) == 0)
    }

    func set(without capability: UInt32) throws {
        var (header, words) = (Self.header, words)
        words[0] &= ~capability
        let set = unsafeBitCast(try #require(dlsym(nil, "capset")), to: Function.self)
        try #require(set(&header, &words) == 0)
    }
}
