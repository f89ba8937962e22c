import CVerbs
import Glibc
import TransportAPI

/// Whether this process can have verbs at all; no device is opened for it.
enum VerbsAvailability {
    /// What an endpoint pins at the least: the first buffers to receive in and to send from, in bytes.
    static let leastPinnedByteCount: UInt64 = 1 << 20

    /// - Throws: what is missing, with the figure and the remedy.
    static func check(_ settings: VerbsSettings) throws(TransportRefusal) {
        let (missing, why) = load()
        switch missing {
        case 0: break
        case CVERBS_NO_HEADERS:
            // SwiftPM does not notice headers that came after a build.
            throw refusal(
                "built without the headers of RDMA verbs; install libibverbs-dev and librdmacm-dev, then `swift package clean` and build again"
            )
        case CVERBS_NO_VERBS_LIBRARY:
            throw refusal(
                "libibverbs cannot be used: \(why); if it is missing or too old, install libibverbs1 and ibverbs-providers"
            )
        default:
            throw refusal("librdmacm cannot be used: \(why); if it is missing or too old, install librdmacm1")
        }
        let names = deviceNames()
        guard !names.isEmpty else {
            throw refusal("no RDMA device; `rdma link` lists those of the kernel, ibverbs-providers has their drivers")
        }
        guard settings.device.isEmpty || names.contains(settings.device) else {
            throw refusal(
                "HANDFAST_VERBS_DEVICE=\(settings.device.quoted) matches no device; there are \(names.joined(separator: ", "))"
            )
        }
        let used = settings.device.isEmpty ? names : [settings.device]
        let ports = used.flatMap(ports)
        guard ports.contains(where: { $0.state.hasPrefix("4:") }) || ports.isEmpty else {
            let states = ports.map { "\($0.name) is \($0.state.dropFirst(3))" }.joined(separator: ", ")
            throw refusal("no port of an RDMA device is active: \(states); look at the cable, the switch, or `ip link`")
        }
        try checkLockedMemory()
    }

    /// - Returns: 0 or what is missing, and what the system says of that.
    static func load() -> (missing: Int32, why: String) {
        unsafe withUnsafeTemporaryAllocation(of: CChar.self, capacity: 512) { text in
            let missing = unsafe cverbs_load(text.baseAddress, Int32(text.count))
            return (missing, unsafe String(cString: text.baseAddress!))
        }
    }

    private static func refusal(_ text: String) -> TransportRefusal { TransportRefusal(.unreachable, text) }

    static func deviceNames() -> [String] {
        let limit = 64
        return unsafe withUnsafeTemporaryAllocation(byteCount: limit * Int(CVERBS_NAME_BYTE_COUNT), alignment: 8) {
            room in
            let names = unsafe room.baseAddress!.assumingMemoryBound(to: CChar.self)
            let count = unsafe Int(cverbs_device_names(names, Int32(limit)))
            return (0..<count).map { unsafe String(cString: names + $0 * Int(CVERBS_NAME_BYTE_COUNT)) }
        }
    }

    private static func ports(of device: String) -> [(name: String, state: String)] {
        (1...8).compactMap { number in
            contents(of: "/sys/class/infiniband/\(device)/ports/\(number)/state").map { ("\(device):\(number)", $0) }
        }
    }

    private static func checkLockedMemory() throws(TransportRefusal) {
        var limit = rlimit()
        guard unsafe getrlimit(__rlimit_resource_t(8), &limit) == 0, limit.rlim_cur < leastPinnedByteCount, !mayLockAll
        else { return }
        throw TransportRefusal(
            .resources,
            "at most \(limit.rlim_cur >> 10) KiB of memory may be locked (`ulimit -l`), and verbs need \(leastPinnedByteCount >> 10)"
                + " at the least; raise it in /etc/security/limits.conf or the unit's LimitMEMLOCK")
    }

    /// CAP_IPC_LOCK.
    private static var mayLockAll: Bool {
        guard let status = contents(of: "/proc/self/status"),
            let line = status.split(separator: "\n").first(
                where: { $0.hasPrefix("CapEff:") }), let digits = line.split(separator: "\t").last,
            let capabilities = UInt64(digits, radix: 16)
        else { return false }
        return capabilities & 1 << 14 != 0
    }

    /// Of a small file of the kernel's, without the last line's end.
    private static func contents(of path: String) -> String? {
        let file = unsafe open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return nil }
        defer { close(file) }
        var bytes = [UInt8](repeating: 0, count: 8192)
        let count = unsafe read(file, &bytes, bytes.count)
        guard count > 0 else { return nil }
        let end = bytes[count - 1] == UInt8(ascii: "\n") ? count - 1 : count
        return String(decoding: bytes[..<end], as: UTF8.self)
    }
}
