import CHandfast
import CSystem
import Handfast
import TransportAPI

/// An error of the C interface itself.
enum Refusal {
    case forked
    case reentrant
    case null(StaticString)
    case notAHandle(UInt64, of: StaticString)
    case stale(StaticString)
    case tooShort(Int, StaticString, atLeast: Int)
    case truncated(Int, room: Int)
    case argument(String)

    private var status: hf_status {
        switch self {
        case .forked: HF_ERROR_FORKED
        case .reentrant: HF_ERROR_REENTRANT
        case .notAHandle: HF_ERROR_HANDLE
        case .stale: HF_ERROR_STALE
        case .truncated: HF_ERROR_TRUNCATED
        case .null, .tooShort, .argument: HF_ERROR_ARGUMENT
        }
    }

    private var text: String {
        switch self {
        case .forked: "the handle is of the process that this one was forked from; make an endpoint of its own here"
        case .reentrant: "called from within a callback of the library"
        case .null(let name): "\(name) is NULL"
        case .notAHandle(let handle, let kind): "0x\(String(handle, radix: 16)) never was the handle of \(kind) here"
        case .stale(let kind): "the handle of \(kind) is no longer good"
        case .tooShort(let byteCount, let name, let least):
            "\(name) says that it has \(byteCount) bytes; at least \(least), a multiple of 8, are needed"
        case .truncated(let byteCount, let room): "the text has \(byteCount) bytes, and there is room for \(room)"
        case .argument(let text): text
        }
    }

    /// Notes it as the thread's last error.
    @inline(never)
    func told() -> hf_status {
        note(status, 0, isUnsent: false, text)
        return status
    }
}

extension HandfastError {
    var status: hf_status {
        switch code {
        case .invalidArgument: HF_ERROR_ARGUMENT
        case .stale: HF_ERROR_STALE
        case .timeout: HF_ERROR_TIMEOUT
        case .unreachable: HF_ERROR_UNREACHABLE
        case .rejected: HF_ERROR_REJECTED
        case .noTransport: HF_ERROR_NO_TRANSPORT
        case .closed: HF_ERROR_CLOSED
        case .peerLost: HF_ERROR_PEER_LOST
        case .peerRestarted: HF_ERROR_PEER_RESTARTED
        case .truncated: HF_ERROR_TRUNCATED
        case .cancelled: HF_ERROR_CANCELLED
        case .resources: HF_ERROR_RESOURCES
        case .unsupported: HF_ERROR_UNSUPPORTED
        case .system: HF_ERROR_SYSTEM
        default: HF_ERROR_OTHER
        }
    }

    /// Notes it as the thread's last error.
    @inline(never)
    func told() -> hf_status {
        note(status, systemError, isUnsent: isUnsent, message)
        return status
    }
}

private func note(_ status: hf_status, _ systemError: Int32, isUnsent: Bool, _ text: String) {
    guard let failure = csystem_last_failure() else { return }
    failure.pointee.status = status.rawValue
    failure.pointee.system_error = systemError
    failure.pointee.is_unsent = isUnsent ? 1 : 0
    withUnsafeMutableBytes(of: &failure.pointee.text) { text.write(to: $0) }
}
