import Glibc
import TransportAPI

extension TransportRefusal {
    /// A system call failed.
    static func system(_ error: Int32, _ what: String) -> TransportRefusal {
        let isShort = error == EMFILE || error == ENFILE || error == ENOMEM || error == ENOSPC
        let remedy =
            switch error {
            case EMFILE: "; too many open files: \(DescriptorRemedy.ofProcess)"
            case ENFILE: "; the host has no more: \(DescriptorRemedy.ofHost)"
            default: ""
            }
        return TransportRefusal(isShort ? .resources : .unreachable, "\(what) (errno \(error))\(remedy)")
    }

    /// A queue pair broke before it was opened.
    static func broken(_ channel: VerbsChannel.Pointer) -> TransportRefusal {
        let reason =
            unsafe channel.pointee.failure.map { unsafe String(cString: $0) } ?? "verbs: the path does not work"
        return TransportRefusal(.unreachable, reason)
    }

    /// A function of the verbs library failed.
    static func verbs(_ error: Int32, _ what: String) -> TransportRefusal {
        switch error {
        case ENOMEM, ENOSPC, EAGAIN:
            var limit = rlimit()
            _ = unsafe getrlimit(__rlimit_resource_t(8), &limit)
            let figure = limit.rlim_cur == .max ? "unlimited" : "\(limit.rlim_cur >> 10) KiB"
            return TransportRefusal(
                .resources,
                "\(what): no memory for it (errno \(error)); at most \(figure) may be locked (`ulimit -l`), or the device has no"
                    + " more room")
        case ENOBUFS:
            return TransportRefusal(
                .resources, "\(what): all receive buffers are in use; raise HANDFAST_VERBS_RECEIVE_BYTES")
        case EMFILE, ENFILE: return system(error, what)
        case EACCES, EPERM:
            return TransportRefusal(.unreachable, "\(what): not permitted (errno \(error)); look at /dev/infiniband")
        default:
            return TransportRefusal(
                .unreachable, unsafe "\(what): \(String(cString: strerror(error))) (errno \(error))")
        }
    }
}
