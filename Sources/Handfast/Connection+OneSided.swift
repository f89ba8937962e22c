// Reaching a peer's registered memory without its doing.

/// How many bits an atomic operation works on.
public enum AtomicWidth: Int, Hashable, Sendable {
    case bits32 = 4
    case bits64 = 8
}

extension Connection {
    /// Writes into a peer's memory.
    ///
    /// Never waits. Puts and atomic operations of one connection are done at the peer in the order of the calls, a get
    /// sees those before it; against messages there is no order but by `flush`: who sends a message when a flush is
    /// complete can be sure that its receiver finds the data.
    /// - Parameters:
    ///   - bytes: must stay as they are until the request is complete.
    ///   - offset: where in the memory, in bytes.
    ///   - notification: a value for `Endpoint.takeNotification` at the peer, who gets it when all the bytes are there.
    /// - Returns: a request whose result is to be taken, and which cannot be cancelled; complete when the bytes are in the
    ///   peer's memory. It fails with
    ///   `stale` when the peer has deregistered the memory, with `rejected` or `invalidArgument` when the key promised
    ///   more than the peer allows, else with the reason why the connection ended.
    /// - Throws: `stale`, `resources`, `unsupported` when the peer does not know one-sided operations,
    ///   `invalidArgument` when the key is another endpoint's or its memory too small, `rejected` when it is not for that, or the error by which
    ///   the connection ended.
    public func put(
        _ bytes: UnsafeRawBufferPointer, to memory: RemoteMemory, offset: Int = 0, notify notification: UInt64? = nil
    ) throws(HandfastError) -> Request {
        let operation = try makeOperation(.put, memory, offset, byteCount: bytes.count, .write)
        operation.pointee.payload = UnsafeMutableRawPointer(mutating: bytes.baseAddress)
        operation.pointee.operand = notification ?? 0
        operation.pointee.hasNotification = notification != nil
        slot.begin(operation)
        return Request(operation)
    }

    /// Reads from a peer's memory. As `put` else.
    /// - Parameter target: as many bytes as it has are read; it must be left alone until the request is complete.
    public func get(
        into target: UnsafeMutableRawBufferPointer, from memory: RemoteMemory, offset: Int = 0
    ) throws(HandfastError) -> Request {
        let operation = try makeOperation(.get, memory, offset, byteCount: target.count, .read)
        operation.pointee.payload = target.baseAddress
        slot.begin(operation)
        return Request(operation)
    }

    /// Adds to a number in a peer's memory, wrapping around; `Completion.fetched` is what it was before.
    ///
    /// Atomic against all atomic operations on the memory, by peers and by threads of the process that has it. The
    /// number lies in the peer's order of bytes at an address that is a multiple of its width, else the request fails
    /// with `invalidArgument`. As `put` else.
    public func fetchAndAdd(
        _ value: UInt64, to memory: RemoteMemory, offset: Int = 0, width: AtomicWidth = .bits64
    ) throws(HandfastError) -> Request { try atomic(.add, memory, offset, width, value) }

    /// Puts a number in place of another; as `fetchAndAdd` else.
    public func swap(
        _ value: UInt64, in memory: RemoteMemory, offset: Int = 0, width: AtomicWidth = .bits64
    ) throws(HandfastError) -> Request { try atomic(.swap, memory, offset, width, value) }

    /// Puts a number in place of another if that is as expected, which `Completion.fetched` tells; as `fetchAndAdd` else.
    public func compareAndSwap(
        expected: UInt64, desired: UInt64, in memory: RemoteMemory, offset: Int = 0, width: AtomicWidth = .bits64
    ) throws(HandfastError) -> Request { try atomic(.compareAndSwap, memory, offset, width, desired, expected) }

    /// - Returns: a request that is complete when all one-sided operations that this connection began before are, however
    ///   they ended: each has told its own failure. It fails only when the connection ends first.
    public func flush() throws(HandfastError) -> Request {
        guard !isStale else { throw .staleConnection }
        guard slot.hasOperations else { return try completeAtOnce(byteCount: 0) }
        let flush = try takeRequest()
        flush.pointee.role = .flush
        slot.begin(flush)
        return Request(flush)
    }

    private func atomic(
        _ code: AtomicCode, _ memory: RemoteMemory, _ offset: Int, _ width: AtomicWidth, _ operand: UInt64,
        _ comparand: UInt64 = 0
    ) throws(HandfastError) -> Request {
        let operation = try makeOperation(.atomic, memory, offset, byteCount: width.rawValue, .atomic)
        operation.pointee.payloadByteCount = 0
        operation.pointee.operationTarget = (memory.key.number, code.rawValue, UInt8(width.rawValue))
        (operation.pointee.operand, operation.pointee.comparand) = (operand, comparand)
        slot.begin(operation)
        return Request(operation)
    }

    private func makeOperation(
        _ kind: MessageHeader.Kind, _ memory: RemoteMemory, _ offset: Int, byteCount: Int, _ needed: MemoryPermissions
    ) throws(HandfastError) -> UnsafeMutablePointer<RequestSlot> {
        guard !isStale else { throw .staleConnection }
        guard slot.pointee.takesSends else { throw record?.endReason ?? .staleConnection }
        if slot.pointee.channel != nil, !slot.pointee.servesOneSided { throw .noOneSided }
        if slot.pointee.channel != nil, memory.key.incarnation != record?.peerIncarnation {
            throw HandfastError(.invalidArgument, "the key is not of \(record?.peerText ?? "the peer")")
        }
        guard memory.permissions.contains(needed) else { throw OperationStatus.notPermitted.error }
        guard offset >= 0, byteCount <= memory.byteCount, offset <= memory.byteCount - byteCount else {
            throw HandfastError(
                .invalidArgument,
                "\(byteCount) bytes at \(offset) of the peer's memory, which has \(memory.byteCount)")
        }
        let operation = try takeRequest()
        operation.pointee.role = .operation
        operation.pointee.operationKind = kind
        operation.pointee.operationTarget = (memory.key.number, 0, 0)
        operation.pointee.operationNonce = memory.key.nonce
        operation.pointee.operationOffset = UInt64(offset)
        operation.pointee.payloadByteCount = byteCount
        return operation
    }

    private func takeRequest() throws(HandfastError) -> UnsafeMutablePointer<RequestSlot> {
        guard let request = slot.pointee.endpoint?.takeRequest() else {
            throw .tooManyRequests
        }
        return request
    }
}

extension Endpoint {
    /// - Returns: a request that is complete when all one-sided operations that the endpoint began before are; as
    ///   `Connection.flush` else, and it fails with the first connection that ends with some of them.
    public func flush() throws(HandfastError) -> Request {
        let slots = engine.slotsWithOperations()
        guard !slots.isEmpty else { return Request(completeWith: 0, at: state) }
        guard let whole = state.takeRequest() else {
            throw .tooManyRequests
        }
        whole.pointee.role = .flush
        for slot in slots {
            guard let part = state.takeRequest() else { break }
            part.pointee.role = .flush
            part.pointee.isOwnedByEngine = true
            part.pointee.owner = UnsafeMutableRawPointer(whole)
            whole.pointee.partCount += 1
            slot.begin(part)
        }
        guard whole.pointee.partCount == slots.count else {
            whole.pointee.isOwnedByEngine = true
            if whole.pointee.partCount == 0 { whole.complete(.cancelled) }
            throw .tooManyRequests
        }
        return Request(whole)
    }
}

extension Engine {
    fileprivate func slotsWithOperations() -> [UnsafeMutablePointer<ConnectionSlot>] {
        let expected = peers.slots.filter { $0.pointee.record == nil }
        return (records.values.map(\.slot) + expected).filter(\.hasOperations)
    }
}

extension HandfastError {
    static let noOneSided = HandfastError(.unsupported, "the peer does not know one-sided operations")
}
