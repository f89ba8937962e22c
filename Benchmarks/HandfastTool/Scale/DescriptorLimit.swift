import CBench

/// How many connections the system's limit of descriptors lets a process have.
struct DescriptorLimit {
    /// For listeners, epoll, the standard streams and handshakes under way.
    private static let reserve = 64

    let count: Int

    /// Raises the soft limit to the hard one.
    static func raised() -> DescriptorLimit {
        DescriptorLimit(count: Int(clamping: cbench_raise_descriptor_limit()))
    }

    /// Each has one: the stream that it runs over, or the sign of life of its peer.
    var connectionCount: Int { max(1, count - Self.reserve) }
}
