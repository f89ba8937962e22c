/// One address of one of this host's network interfaces.
struct InterfaceAddress: Hashable, Sendable {
    let interface: String
    let address: IPAddress
    /// Of the subnet; 0 to 32 or to 128.
    let prefixBitCount: Int
    let isUp: Bool
    /// The interface has the default route of the address's family.
    let hasDefaultRoute: Bool

    /// Beginnings of the names of tunnels, bridges and container interfaces: other hosts cannot be expected to reach what
    /// is behind them, or pay for it.
    private static let inwardNames = [
        "br-", "cali", "cilium", "cni", "docker", "dummy", "flannel", "gre", "ifb", "ip6tnl", "ipip", "kube", "lxc",
        "lxd", "nerdctl", "podman", "ppp", "sit", "tailscale", "tap", "tun", "utun", "veth", "virbr", "vmnet", "vnet",
        "weave", "wg", "zt",
    ]

    var isInward: Bool {
        interface == "lo" || address.isLoopback || Self.inwardNames.contains { interface.hasPrefix($0) }
    }

    /// Whether another address is on the same subnet.
    func reaches(_ other: IPAddress) -> Bool { address.hasSamePrefix(as: other.unmapped, bitCount: prefixBitCount) }

    func isSame(as other: IPAddress) -> Bool { address.hasSamePrefix(as: other.unmapped, bitCount: 128) }
}

extension InterfaceAddress: CustomStringConvertible {
    var description: String { "\(address.with(zone: nil))/\(prefixBitCount)" }
}
