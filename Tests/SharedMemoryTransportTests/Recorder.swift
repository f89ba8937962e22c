import CHandfast

/// What an engine would keep of one connection.
final class Recorder {
    var bytes: [UInt8] = []
    var ends: [Int32] = []
    var reads: [(token: UInt64, error: Int32)] = []
    var roomCount = 0
    /// The most bytes taken at once.
    var takeLimit = Int.max
    /// Filled first, once.
    var place: UnsafeMutableRawBufferPointer?
    var placedCount = 0
    /// Called after each delivery.
    var reaction: () -> Void = {}

    var connection: UnsafeMutableRawPointer { Unmanaged.passUnretained(self).toOpaque() }

    private static func of(_ connection: UnsafeMutableRawPointer?) -> Recorder {
        Unmanaged<Recorder>.fromOpaque(connection!).takeUnretainedValue()
    }

    static func makeEngine() -> UnsafeMutablePointer<hf_engine_operations> {
        let engine = UnsafeMutablePointer<hf_engine_operations>.allocate(capacity: 1)
        engine.initialize(
            to: hf_engine_operations(
                byte_count: UInt32(MemoryLayout<hf_engine_operations>.size), version: UInt32(HF_TRANSPORT_VERSION),
                place: { connection, byteCount in
                    let recorder = Recorder.of(connection)
                    byteCount!.pointee = 4096
                    guard let place = recorder.place, recorder.placedCount < place.count else { return nil }
                    byteCount!.pointee = UInt64(place.count - recorder.placedCount)
                    return place.baseAddress! + recorder.placedCount
                },
                placed: { connection, byteCount in Recorder.of(connection).placedCount += Int(byteCount) },
                deliver: { connection, bytes, byteCount in
                    let recorder = Recorder.of(connection)
                    let taken = min(Int(byteCount), recorder.takeLimit)
                    recorder.bytes += UnsafeRawBufferPointer(start: bytes, count: taken)
                    recorder.reaction()
                    return UInt64(taken)
                },
                writable: { connection in Recorder.of(connection).roomCount += 1 },
                read_done: { connection, token, error in Recorder.of(connection).reads.append((token, error)) },
                closed: { connection, error in Recorder.of(connection).ends.append(error) },
                lost: { connection, error, _ in Recorder.of(connection).ends.append(error) }))
        return engine
    }
}
