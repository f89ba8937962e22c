import Glibc
import Precon

extension PeerInfo.HostIdentity {
    /// Of this process; read once. Nil where /proc is not mounted.
    static let current: PeerInfo.HostIdentity? = {
        guard let boot = readBootID(), let ipc = readNamespace("ipc"), let pid = readNamespace("pid") else {
            return nil
        }
        return PeerInfo.HostIdentity(bootIDHigh: boot.0, bootIDLow: boot.1, ipcNamespace: ipc, pidNamespace: pid)
    }()

    private static func readBootID() -> (UInt64, UInt64)? {
        guard let file = fopen("/proc/sys/kernel/random/boot_id", "re") else { return nil }
        defer { fclose(file) }
        var text = [UInt8](repeating: 0, count: 64)
        let count = fread(&text, 1, text.count, file)
        let digits = String(decoding: text.prefix(count), as: UTF8.self).filter(\.isHexDigit)
        guard digits.count == 32, let high = UInt64(digits.prefix(16), radix: 16),
            let low = UInt64(digits.suffix(16), radix: 16)
        else { return nil }
        return (high, low)
    }

    /// The inode number in "ipc:[4026531839]".
    private static func readNamespace(_ name: String) -> UInt64? {
        var text = [CChar](repeating: 0, count: 64)
        let count = readlink("/proc/self/ns/\(name)", &text, text.count)
        guard count > 0 else { return nil }
        return UInt64(
            String(decoding: text.prefix(count).map { UInt8(bitPattern: $0) }, as: UTF8.self).filter(\.isNumber))
    }
}
