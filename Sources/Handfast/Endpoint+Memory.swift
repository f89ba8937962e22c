extension Endpoint {
    /// Memory for what is sent, received or registered, which peers on this host may read without a system call.
    ///
    /// That is worth most for payloads of HANDFAST_RENDEZVOUS_BYTES and more whose bytes were not written just before; memory of
    /// any other origin can be sent and received into just as well. Aligned to a page from 4,096 bytes on, else to 64 bytes; what is
    /// in it is not defined. It stays until `deallocate`, whatever becomes of connections, or until the endpoint is gone. Where no transport
    /// has such memory, or no more of it (HANDFAST_SHM_HEAP_BYTES, or the system's own), it is ordinary memory.
    ///
    /// A forked child shares it with its parent. The endpoint keeps what was given back, for the next that asks.
    /// - Throws: `invalidArgument` for less than no bytes; `resources` when there is no memory at all.
    public func allocate(byteCount: Int) throws(HandfastError) -> UnsafeMutableRawBufferPointer {
        guard byteCount >= 0 else {
            throw HandfastError(.invalidArgument, "\(byteCount) bytes of memory; 0 and more can be allocated")
        }
        guard let start = engine.allocations.allocate(byteCount, from: engine.transports) else {
            throw HandfastError(.resources, "there is no memory for \(byteCount) bytes")
        }
        return UnsafeMutableRawBufferPointer(start: start, count: byteCount)
    }

    /// Whether memory of `allocate` is as any other: no transport had some.
    package func isOrdinary(_ memory: UnsafeMutableRawBufferPointer) -> Bool {
        memory.baseAddress.map { engine.allocations.isOrdinary($0) } ?? true
    }

    /// Gives memory back. Nothing may use it any more: no request that is under way, no registration.
    /// - Throws: `invalidArgument` when it is not memory that `allocate` has given and nobody has given back; then nothing happens.
    public func deallocate(_ memory: UnsafeMutableRawBufferPointer) throws(HandfastError) {
        guard let start = memory.baseAddress, engine.allocations.release(start) else {
            throw HandfastError(
                .invalidArgument,
                "\(memory.baseAddress.map { "\($0)" } ?? "nil") is not the beginning of memory that this endpoint has allocated, or was given back before"
            )
        }
    }
}
