import Glibc
import TransportAPI

extension TransportRefusal {
    /// A system call failed; what ran out is `resources`, all else means that these two cannot share memory.
    static func system(_ error: Int32, _ what: String, remedy: String = "") -> TransportRefusal {
        let text = what + " (errno \(error))"
        switch error {
        case EMFILE: return TransportRefusal(.resources, text + "; too many open files: " + DescriptorRemedy.ofProcess)
        case ENFILE: return TransportRefusal(.resources, text + "; the host has no more: " + DescriptorRemedy.ofHost)
        case ETOOMANYREFS:
            return TransportRefusal(.resources, text + "; too many on their way: " + DescriptorRemedy.ofProcess)
        case ENOMEM, ENOSPC, ENOBUFS:
            return TransportRefusal(.resources, text + "; no memory for it: look at the container's memory limit")
        default: return TransportRefusal(.unreachable, remedy.isEmpty ? text : text + "; " + remedy)
        }
    }

    static func segment(_ failure: SharedSegment.Failure, _ what: String) -> TransportRefusal {
        switch failure {
        case .notReserved(let byteCount, let error): .system(error, "\(what): cannot reserve \(byteCount) bytes")
        case .notMapped(let byteCount, let error): .system(error, "\(what): cannot map \(byteCount) bytes")
        case .notSealed(let error):
            TransportRefusal(.unreachable, "\(what): not shared memory with a sealed size (errno \(error))")
        case .wrongSize(let byteCount, let expected):
            TransportRefusal(
                .unreachable, "\(what): \(byteCount) bytes instead of \(expected); use one version on both sides")
        }
    }
}
