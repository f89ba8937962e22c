public import Handfast

/// Processes that do something together: each member holds its rank and a connection to every other.
///
/// Written on what `Handfast` offers to everybody, as an example of its use. All members call the same operations in
/// the same order; an operation may be begun before the one before it is over. For use on the endpoint's thread.
///
/// The group's messages carry a header that tells group, operation and round. Receives of the program on the same
/// connections must look at headers: one that takes any message would take the group's.
public final class Group {
    /// The most members: the rounds of a barrier among them, and the children of a broadcast, are 24 at most.
    public static let maximumMemberCount = 1 << 24

    public let endpoint: Endpoint
    /// This member's place in `connections`.
    public let rank: Int
    /// The same at all members, different among groups that share connections.
    public let number: UInt32
    let connections: [Connection?]
    private var nextSequence: UInt32 = 0

    /// How many members there are, this one among them.
    public var memberCount: Int { connections.count }

    /// - Parameters:
    ///   - endpoint: whose the connections are.
    ///   - connections: to the members in the order of their ranks, the same at all of them; nil at this member's own
    ///     rank. They need not be up yet: connections on demand are made when they are used, which are two for each
    ///     doubling of the members in a barrier.
    ///   - rank: of this member.
    ///   - number: tells groups apart that share connections.
    /// - Throws: `invalidArgument`.
    public init(
        endpoint: Endpoint, connections: [Connection?], rank: Int, number: UInt32 = 0
    ) throws(HandfastError) {
        guard connections.indices.contains(rank), connections.count <= Self.maximumMemberCount else {
            throw HandfastError(
                .invalidArgument,
                "rank \(rank) of \(connections.count) members; 0 to one less than their number is allowed")
        }
        if let missing = connections.indices.first(where: { $0 != rank && connections[$0] == nil }) {
            throw HandfastError(.invalidArgument, "no connection to the member of rank \(missing)")
        }
        self.endpoint = endpoint
        self.connections = connections
        self.rank = rank
        self.number = number
    }

    /// Waits until every member has called it.
    /// - Parameter timeout: nil for no limit.
    /// - Throws: `timeout`, or the error of a connection to a member: then the group is of no more use.
    public func barrier(timeout: Duration? = nil) throws(HandfastError) {
        try wait(for: try beginBarrier(), timeout)
    }

    /// Brings the bytes of one member to all.
    /// - Parameters:
    ///   - bytes: read at the root, written at all others; the same size at all.
    ///   - root: the rank of the member that has them.
    ///   - timeout: nil for no limit.
    /// - Throws: as `barrier`; `truncated` or `rejected` when the sizes are not the same; `invalidArgument`. After an
    ///   error the bytes may still be used until the connections have ended.
    public func broadcast(
        _ bytes: UnsafeMutableRawBufferPointer, from root: Int, timeout: Duration? = nil
    ) throws(HandfastError) {
        try wait(for: try beginBroadcast(bytes, from: root), timeout)
    }

    /// Begins a barrier, which goes on in the endpoint's `progress`.
    /// - Throws: the error of a connection to a member.
    public func beginBarrier() throws(HandfastError) -> GroupOperation {
        let barrier = Barrier(self, sequence: takeSequence())
        try barrier.start()
        return barrier
    }

    /// Begins a broadcast, which goes on in the endpoint's `progress`.
    /// - Parameters:
    ///   - bytes: as for `broadcast`; must stay as they are until the operation is complete.
    ///   - root: the rank of the member that has them.
    /// - Throws: the error of a connection to a member; `invalidArgument`.
    public func beginBroadcast(
        _ bytes: UnsafeMutableRawBufferPointer, from root: Int
    ) throws(HandfastError) -> GroupOperation {
        guard connections.indices.contains(root) else {
            throw HandfastError(.invalidArgument, "the root \(root) is none of \(memberCount) members")
        }
        let broadcast = Broadcast(self, sequence: takeSequence(), bytes: bytes, root: root)
        try broadcast.start()
        return broadcast
    }

    private func takeSequence() -> UInt32 {
        defer { nextSequence &+= 1 }
        return nextSequence
    }

    private func wait(for operation: GroupOperation, _ timeout: Duration?) throws(HandfastError) {
        guard endpoint.wait(timeout: timeout, until: { operation.isComplete }) else {
            operation.cancel()
            throw HandfastError(.timeout, "the members have not all come after \(timeout ?? .zero)")
        }
        if let error = operation.error { throw error }
    }
}
