/// What peers may do with registered memory.
public struct MemoryPermissions: OptionSet, Hashable, Sendable {
    public let rawValue: UInt8
    public init(rawValue: UInt8) { self.rawValue = rawValue }

    /// `get`.
    public static let read = MemoryPermissions(rawValue: 1)
    /// `put`.
    public static let write = MemoryPermissions(rawValue: 2)
    /// `fetchAndAdd`, `swap` and `compareAndSwap`.
    public static let atomic = MemoryPermissions(rawValue: 4)

    static let all: MemoryPermissions = [.read, .write, .atomic]
}

/// Memory that peers may reach without a receive: a handle, free to copy, for use on its endpoint's thread.
public struct MemoryRegion: Hashable {
    let slot: UnsafeMutablePointer<RegionSlot>
    let generation: UInt64

    /// How many bytes a key has.
    public static var keyByteCount: Int { MemoryKey.byteCount }

    /// What a peer needs to reach the memory, as bytes to hand over by any way; `RemoteMemory` reads them. Whoever has
    /// them and is connected to the endpoint may use the memory as the permissions say. Empty for a stale handle.
    public var key: [UInt8] { isInUse && slot.pointee.isOpen ? slot.pointee.key.encoded : [] }

    /// Refuses every use of the key that comes from now on, and touches nothing for it. Does nothing the second time.
    ///
    /// What peers have begun before may still go on: the memory is the owner's again when `isInUse` is false. Without
    /// peers in the middle of something that is at once; else when they finish or their connections end.
    public func deregister() {
        guard isInUse, slot.pointee.isOpen else { return }
        slot.deregister()
    }

    /// Whether the memory must be left in place: until it was deregistered and nobody reads or writes it any more, or
    /// the endpoint is gone.
    public var isInUse: Bool { slot.pointee.generation == generation }
}

extension Endpoint {
    /// Lets peers reach memory by `Connection.put`, `get` and the atomic operations.
    ///
    /// Nothing is copied, and nothing pinned until a peer over RDMA reads or is read. The memory stays the caller's, who must keep it until `MemoryRegion.isInUse` is
    /// false, and may use it meanwhile: what peers write becomes visible in `progress`, at any time before the message or
    /// notification that tells of it.
    ///
    /// Over RDMA a peer that was sent, put or got any part of it can read all of it until it is deregistered, whatever its key allows;
    /// over iWARP it may be able to write it too.
    /// - Throws: `invalidArgument` for more than 2^48 bytes; `resources` beyond a million regions.
    public func register(
        memory: UnsafeMutableRawBufferPointer, permissions: MemoryPermissions
    ) throws(HandfastError) -> MemoryRegion {
        guard memory.count <= MemoryKey.maximumMemoryByteCount else {
            throw HandfastError(
                .invalidArgument,
                "\(memory.count) bytes of memory; at most \(MemoryKey.maximumMemoryByteCount) can be registered")
        }
        guard let slot = state.registerMemory(memory, permissions.intersection(.all), engine.incarnation) else {
            throw HandfastError(.resources, "\(RegionTable.limit) regions are registered")
        }
        return MemoryRegion(slot: slot, generation: slot.pointee.generation)
    }
}
