import Glibc

/// What the system says of an error, with what helps where something is to be done.
func systemErrorText(_ number: Int32) -> String {
    let text = String(cString: strerror(number))
    return switch number {
    case EMFILE:
        "\(text); raise the limit of open descriptors (ulimit -n), up to whose hard one an endpoint does so itself"
            + " unless HANDFAST_RAISE_DESCRIPTORS=no"
    case ENFILE: "\(text); raise the limit of the whole host (sysctl fs.file-max)"
    default: text
    }
}
