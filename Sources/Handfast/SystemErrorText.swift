import Glibc
import TransportAPI

/// What the system says of an error, with what helps where something is to be done.
func systemErrorText(_ number: Int32) -> String {
    let text = String(cString: strerror(number))
    return switch number {
    case EMFILE: "\(text); \(DescriptorRemedy.ofProcess)"
    case ENFILE: "\(text); \(DescriptorRemedy.ofHost)"
    default: text
    }
}
