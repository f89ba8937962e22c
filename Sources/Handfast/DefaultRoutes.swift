import Glibc

/// The interfaces by which this host reaches what is on none of its subnets.
struct DefaultRoutes: Hashable, Sendable {
    let ipv4: String?
    let ipv6: String?

    /// A host with more routes than fit has its default among the first.
    private static let maximumByteCount = 256 << 10
    private static let isUp: UInt32 = 0x1
    private static let rejects: UInt32 = 0x200

    /// As the system lists them; where /proc is not mounted there are none.
    static func read() -> DefaultRoutes {
        DefaultRoutes(ipv4Table: text(of: "/proc/net/route"), ipv6Table: text(of: "/proc/net/ipv6_route"))
    }

    /// A line that makes no sense is no route.
    init(ipv4Table: String, ipv6Table: String) {
        ipv4 = Self.best(ipv4Table, Self.ipv4Route)
        ipv6 = Self.best(ipv6Table, Self.ipv6Route)
    }

    private typealias Route = (interface: String, metric: UInt32)

    private static func best(_ table: String, _ route: ([Substring]) -> Route?) -> String? {
        let routes = table.split(separator: "\n").compactMap { line in
            route(line.split { $0 == " " || $0 == "\t" })
        }
        // The first of equals, as the system does.
        return routes.min { $0.metric < $1.metric }?.interface
    }

    /// Iface, Destination, Gateway, Flags, RefCnt, Use, Metric, Mask, …
    private static func ipv4Route(_ fields: [Substring]) -> Route? {
        guard fields.count >= 8, number(fields[1]) == 0, number(fields[7]) == 0, let flags = number(fields[3]),
            flags & isUp != 0, flags & rejects == 0, let metric = UInt32(fields[6])
        else { return nil }
        return (String(fields[0]), metric)
    }

    /// Destination, its prefix length, source, its prefix length, next hop, metric, use, references, flags, interface.
    private static func ipv6Route(_ fields: [Substring]) -> Route? {
        guard fields.count >= 10, fields[0].utf8.count == 32, fields[0].utf8.allSatisfy({ $0 == UInt8(ascii: "0") }),
            number(fields[1]) == 0, let metric = number(fields[5]), let flags = number(fields[8]), flags & isUp != 0,
            flags & rejects == 0, fields[9] != "lo"
        else { return nil }
        return (String(fields[9]), metric)
    }

    private static func number(_ text: Substring) -> UInt32? { UInt32(text, radix: 16) }

    private static func text(of path: String) -> String {
        guard let file = fopen(path, "re") else { return "" }
        defer { fclose(file) }
        let bytes = [UInt8](unsafeUninitializedCapacity: maximumByteCount) { buffer, count in
            count = fread(buffer.baseAddress, 1, buffer.count, file)
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
