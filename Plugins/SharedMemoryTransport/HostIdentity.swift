import Glibc
import TransportAPI

/// Which running kernel this is; read once per process.
enum HostIdentity {
    /// The kernel's boot number, or why there is none.
    static let bootNumber: Result<Nonce, TransportRefusal> = read()

    private static let path = "/proc/sys/kernel/random/boot_id"

    private static func read() -> Result<Nonce, TransportRefusal> {
        let file = unsafe open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return .failure(.system(errno, "cannot open \(path)", remedy: "mount /proc")) }
        let descriptor = Descriptor(owning: file)
        var bytes = [UInt8](repeating: 0, count: 64)
        let count = unsafe Glibc.read(descriptor.number, &bytes, bytes.count)
        let digits = String(decoding: bytes.prefix(max(0, count)).filter { $0 != 0x2d && $0 != 0x0a }, as: UTF8.self)
        guard digits.utf8.count == 32, let high = UInt64(digits.prefix(16), radix: 16),
            let low = UInt64(digits.suffix(16), radix: 16)
        else { return .failure(TransportRefusal(.unreachable, "\(path) holds no boot number")) }
        return .success(Nonce(high: high, low: low))
    }
}
