import CHandfast

/// An attempt that another image drives, and the step that it reads.
final class ExportedAttempt {
    private let attempt: any TransportAttempt
    private var step: UnsafeMutableBufferPointer<UInt8>?

    init(_ attempt: any TransportAttempt) { self.attempt = attempt }

    deinit { step?.deallocate() }

    static func fill(_ table: UnsafeMutablePointer<hf_transport_plugin>) {
        table.pointee.advance = { attempt, payload, byteCount, step, refusal in
            let bytes = payload.map { Array(UnsafeRawBufferPointer(start: $0, count: Int(byteCount))) }
            do throws(TransportRefusal) { return try ExportedAttempt.find(attempt).advance(bytes, step!) } catch {
                error.write(to: refusal!)
                return HF_REFUSED
            }
        }
        table.pointee.attempt_descriptor = { ExportedAttempt.find($0).attempt.descriptor }
        table.pointee.takes_socket = { ExportedAttempt.find($0).attempt.takesSocket ? 1 : 0 }
        table.pointee.peer_reads = { ExportedAttempt.find($0).attempt.peerReads ? 1 : 0 }
        table.pointee.prefers_channel = { ExportedAttempt.find($0).attempt.prefersChannel ? 1 : 0 }
        table.pointee.open = { attempt, socket, engine, connection in
            // NULL is all that a table can say of a fault.
            try? ExportedAttempt.find(attempt).attempt.open(socket: socket, engine: engine!, connection: connection!)
        }
        table.pointee.free_attempt = { Unmanaged<ExportedAttempt>.fromOpaque($0!).release() }
    }

    private static func find(_ attempt: UnsafeMutableRawPointer?) -> ExportedAttempt {
        Unmanaged<ExportedAttempt>.fromOpaque(attempt!).takeUnretainedValue()
    }

    private func advance(
        _ bytes: [UInt8]?, _ answer: UnsafeMutablePointer<hf_step>
    ) throws(TransportRefusal) -> Int32 {
        switch try attempt.advance(step: bytes) {
        case .wait: return HF_WAIT
        case .accepted: return HF_ACCEPTED
        case .step(let number, let payload):
            step?.deallocate()
            let copy = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: payload.count)
            _ = copy.initialize(from: payload)
            step = copy
            answer.pointee = hf_step(
                number: UInt32(clamping: number), byte_count: UInt32(clamping: payload.count),
                payload: copy.baseAddress)
            return HF_STEP
        }
    }
}
