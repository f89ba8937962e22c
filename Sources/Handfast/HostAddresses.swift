import Glibc

/// The IP addresses of this host's interfaces, as they were when they were read.
struct HostAddresses {
    /// Interfaces that other hosts cannot be expected to reach.
    private static let inward = ["lo", "docker", "virbr", "veth", "br-", "cni", "flannel", "cali"]
    /// Reading them costs some system calls; interfaces come and go seldom.
    private static let lifetime = Duration.seconds(5)

    private let all: [(interface: String, address: IPAddress)]
    private let readAt = ContinuousClock.now

    /// Reads every address of an interface that is up.
    init() {
        var list: UnsafeMutablePointer<ifaddrs>?
        var found: [(String, IPAddress)] = []
        if getifaddrs(&list) == 0 {
            defer { freeifaddrs(list) }
            var next = list
            while let entry = next {
                next = entry.pointee.ifa_next
                guard entry.pointee.ifa_flags & UInt32(IFF_UP) != 0, let address = entry.pointee.ifa_addr,
                    let ip = SocketAddress(copying: address).address
                else { continue }
                found.append((String(cString: entry.pointee.ifa_name), ip))
            }
        }
        all = found
    }

    var isOld: Bool { readAt + Self.lifetime < .now }

    /// The address to tell others when a listener accepts on all: IPv4 before IPv6, outward before inward.
    var preferred: IPAddress {
        let outward = all.filter { entry in !Self.inward.contains { entry.interface.hasPrefix($0) } }
        let usable = outward.map(\.address).filter { $0.zone == nil }
        return usable.first { $0.bytes.count == 4 } ?? usable.first ?? .loopback
    }

    /// True for an address that leads back to this host.
    func contains(_ address: IPAddress) -> Bool { all.contains { $0.address.hasSamePrefix(as: address.unmapped, bitCount: 128) } }
}
