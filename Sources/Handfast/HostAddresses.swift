import Glibc

/// The IP addresses of this host's interfaces, as they were when they were read.
struct HostAddresses {
    /// Reading them costs some system calls; interfaces come and go seldom.
    private static let lifetime = Duration.seconds(5)

    private let all: [InterfaceAddress]
    /// Those of `all` that HANDFAST_NETWORK leaves: for telling peers, and for ranking theirs.
    let selected: [InterfaceAddress]
    private let isNamed: Bool
    /// What to tell others when a listener accepts on all, the best first: the default route's interface, then others,
    /// then what is good on one link, then tunnels, bridges and containers; IPv4 before IPv6 in each. Loopback only when
    /// HANDFAST_NETWORK names it.
    let told: [IPAddress]
    private let readAt = ContinuousClock.now

    init(_ selection: NetworkSelection?) { self.init(Self.readAll(), selection) }

    /// - Parameter selection: nil for all that are up.
    init(_ all: [InterfaceAddress], _ selection: NetworkSelection?) {
        self.all = all
        selected = all.filter { $0.isUp && selection?.selects($0) != false }
        let isNamed = selection?.leavesOut == false
        self.isNamed = isNamed
        told = selected.filter { isNamed || !($0.interface == "lo" || $0.address.isLoopback) }
            .enumerated().sorted { (Self.rank($0.element), $0.offset) < (Self.rank($1.element), $1.offset) }
            .map(\.element.address)
    }

    /// - Throws: `invalidArgument` when the setting leaves no address, with a list of what there is.
    func checkSelection(_ selection: NetworkSelection?) throws(HandfastError) {
        if let selection, selected.isEmpty { throw selection.nothingMatched(all) }
    }

    var isOld: Bool { readAt + Self.lifetime < .now }

    private static func rank(_ own: InterfaceAddress) -> Int {
        let kind = own.isInward ? 3 : own.address.isLinkLocal ? 2 : own.hasDefaultRoute ? 0 : 1
        return kind * 2 + (own.address.isIPv6 ? 1 : 0)
    }

    /// The one address to tell others: IPv4 before IPv6, outward, unless HANDFAST_NETWORK names what is not.
    var preferred: IPAddress {
        let outward = selected.filter { !$0.isInward }.map(\.address)
        let usable = told.filter { $0.zone == nil && (isNamed || outward.contains($0)) }
        return usable.first { !$0.isIPv6 } ?? usable.first ?? .loopback
    }

    /// True for an address that leads back to this host, in any spelling.
    func contains(_ address: IPAddress) -> Bool { all.contains { $0.isUp && $0.isSame(as: address) } }

    private static func readAll() -> [InterfaceAddress] {
        var list: UnsafeMutablePointer<ifaddrs>?
        guard getifaddrs(&list) == 0 else { return [] }
        defer { freeifaddrs(list) }
        let routes = DefaultRoutes.read()
        var found: [InterfaceAddress] = []
        var next = list
        while let entry = next {
            next = entry.pointee.ifa_next
            if let address = InterfaceAddress(entry.pointee, routes) { found.append(address) }
        }
        return found
    }
}

extension InterfaceAddress {
    /// Nil for what is no IP address.
    fileprivate init?(_ entry: ifaddrs, _ routes: DefaultRoutes) {
        guard let system = entry.ifa_addr, let address = SocketAddress(copying: system).address else { return nil }
        self.address = address
        interface = String(cString: entry.ifa_name)
        let mask = entry.ifa_netmask.flatMap { SocketAddress(copying: $0).address }
        prefixBitCount = mask?.bytes.reduce(0) { $0 + $1.nonzeroBitCount } ?? (address.isIPv6 ? 128 : 32)
        isUp = entry.ifa_flags & UInt32(IFF_UP) != 0
        hasDefaultRoute = (address.isIPv6 ? routes.ipv6 : routes.ipv4) == interface
    }
}
