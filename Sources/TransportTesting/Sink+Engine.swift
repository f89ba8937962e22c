import CHandfast

extension Sink {
    /// The functions by which a transport reaches a sink; `connection` is the sink itself.
    // Written once and never freed, as an engine's own table is.
    static nonisolated(unsafe) let engine: UnsafePointer<hf_engine_operations> = {
        let engine = UnsafeMutablePointer<hf_engine_operations>.allocate(capacity: 1)
        engine.initialize(
            to: hf_engine_operations(
                byte_count: UInt32(MemoryLayout<hf_engine_operations>.size), version: UInt32(HF_TRANSPORT_VERSION),
                place: { Sink.of($0).nextPlace($1!) },
                placed: { Sink.of($0).fill(Int($1)) },
                deliver: { UInt64(Sink.of($0).take(UnsafeRawBufferPointer(start: $1, count: Int($2)))) },
                writable: { Sink.of($0).hasRoom() },
                read_done: { Sink.of($0).endRead($1, $2) },
                closed: { Sink.of($0).end($1) },
                lost: { connection, error, _ in Sink.of(connection).end(error) }))
        return UnsafePointer(engine)
    }()

    private static func of(_ connection: UnsafeMutableRawPointer?) -> Sink {
        Unmanaged<Sink>.fromOpaque(connection!).takeUnretainedValue()
    }
}
