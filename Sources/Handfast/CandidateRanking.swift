/// In which order a peer's addresses are tried: what is near first, what may lead to somebody else last.
enum CandidateRanking {
    /// From the best to the worst.
    private enum Nearness: Int, Comparable {
        case subnetOfDefaultRoute
        case subnet
        /// Reached by the default route.
        case defaultRoute
        /// No route is known to lead there.
        case elsewhere
        case linkLocal
        /// Behind a tunnel, a bridge or a container's interface of this host.
        case inward
        /// Also an address of this host that only this host can mean, such as its own docker0.
        case mirrored

        static func < (left: Nearness, right: Nearness) -> Bool { left.rawValue < right.rawValue }
    }

    /// - Parameters:
    ///   - places: in the order of preference, which holds among those that are equally near.
    ///   - priorities: as the peer gives them, one for each place, the higher the better; empty when it gave none.
    ///   - own: this host's addresses that are to be used.
    static func rank(
        _ places: [EndpointAddress.Place], priorities: [UInt8] = [], from own: [InterfaceAddress]
    ) -> [EndpointAddress.Place] {
        let up = own.filter(\.isUp)
        let keys = places.indices.map { index in
            let priority = index < priorities.count ? Int(priorities[index]) : 0
            return (nearness(of: places[index].host, from: up).rawValue, -priority, index)
        }
        return keys.sorted { $0 < $1 }.map { places[$0.2] }
    }

    private static func nearness(of host: IPAddress, from own: [InterfaceAddress]) -> Nearness {
        if host.isLoopback || host.isUnspecified || own.contains(where: { $0.isInward && $0.isSame(as: host) }) {
            return .mirrored
        }
        if host.isLinkLocal {
            let isInward = own.contains { $0.isInward && $0.interface == host.zone }
            return isInward ? .inward : .linkLocal
        }
        // The system takes the route with the longest prefix too.
        let near = own.filter { $0.reaches(host) }.max { $0.prefixBitCount < $1.prefixBitCount }
        if let near {
            return near.isInward ? .inward : near.hasDefaultRoute ? .subnetOfDefaultRoute : .subnet
        }
        let isIPv6 = host.unmapped.isIPv6
        return own.contains { $0.hasDefaultRoute && $0.address.isIPv6 == isIPv6 } ? .defaultRoute : .elsewhere
    }
}
