import CHandfast
import TransportAPI

/// A try at one connection, made by a shared object.
final class PluginAttempt: TransportAttempt {
    private let attempt: UnsafeMutableRawPointer
    /// Outlives the attempt by this reference.
    private let transport: PluginTransport

    init(_ attempt: UnsafeMutableRawPointer, of transport: PluginTransport) {
        self.attempt = attempt
        self.transport = transport
    }

    deinit { functions.pointee.free_attempt(attempt) }

    private var functions: PluginTable.Functions { transport.table.functions }

    var descriptor: Int32 { functions.pointee.attempt_descriptor.map { $0(attempt) } ?? -1 }
    var takesSocket: Bool { functions.pointee.takes_socket.map { $0(attempt) != 0 } ?? false }
    var peerReads: Bool { functions.pointee.peer_reads.map { $0(attempt) != 0 } ?? true }
    var prefersChannel: Bool { functions.pointee.prefers_channel.map { $0(attempt) != 0 } ?? false }

    func advance(step: [UInt8]?) throws(TransportRefusal) -> AttemptProgress {
        var refusal = hf_refusal()
        var answer = hf_step()
        let progress: Int32
        if let step {
            // Not NULL, even when it is empty.
            progress = (step + [0]).withUnsafeBytes {
                functions.pointee.advance(attempt, $0.baseAddress, UInt32(step.count), &answer, &refusal)
            }
        } else {
            progress = functions.pointee.advance(attempt, nil, 0, &answer, &refusal)
        }
        switch progress {
        case HF_WAIT: return .wait
        case HF_ACCEPTED: return .accepted
        case HF_REFUSED: throw TransportRefusal(refusal)
        case HF_STEP: return try checked(answer)
        default: throw fault("its advance returned \(progress), and 0 to 3 are allowed")
        }
    }

    private func checked(_ step: hf_step) throws(TransportRefusal) -> AttemptProgress {
        guard (1...4).contains(step.number) else { throw fault("its step \(step.number) is none of 1 to 4") }
        guard step.byte_count <= HF_STEP_BYTE_LIMIT, step.byte_count == 0 || step.payload != nil else {
            throw fault(
                "its step of \(step.byte_count) bytes is NULL or too long; at most \(HF_STEP_BYTE_LIMIT) are allowed")
        }
        let payload = UnsafeRawBufferPointer(start: step.payload, count: Int(step.byte_count))
        return .step(number: Int(step.number), payload: Array(payload))
    }

    private func fault(_ text: String) -> TransportRefusal {
        TransportRefusal(.unreachable, "\(transport.table.name) is at fault: \(text)")
    }

    func open(
        socket: Int32, engine: UnsafePointer<hf_engine_operations>, connection: UnsafeMutableRawPointer
    ) throws(TransportRefusal) -> UnsafeMutableRawPointer {
        guard let channel = functions.pointee.open(attempt, socket, engine, connection) else {
            throw fault("its open returned NULL for a connection that it had accepted")
        }
        return channel
    }
}
