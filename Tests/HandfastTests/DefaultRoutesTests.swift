import SeededRandom
import Testing

@testable import Handfast

@Suite struct `Default routes` {
    private static let ipv4 = """
        Iface	Destination	Gateway 	Flags	RefCnt	Use	Metric	Mask		MTU	Window	IRTT
        eth1	00000000	0100A8C0	0003	0	0	200	00000000	0	0	0
        eth0	00000000	010200C0	0003	0	0	100	00000000	0	0	0
        eth2	00000000	010200C0	0002	0	0	0	00000000	0	0	0
        eth3	00000000	00000000	0201	0	0	0	00000000	0	0	0
        eth4	000200C0	00000000	0001	0	0	0	00FFFFFF	0	0	0
        tun0	00000000	00000000	0001	0	0	0	00000080	0	0	0
        """
    private static let zeros = String(repeating: "0", count: 32)
    private static let ipv6 = """
        fd000000000000000000000000000000 40 \(zeros) 00 \(zeros) 00000100 00000001 00000000 00000001     eth1
        \(zeros) 00 \(zeros) 00 fd000000000000000000000000000001 00000400 00000002 00000000 00000003     eth0
        \(zeros) 00 \(zeros) 00 \(zeros) 00000001 00000001 00000000 00200200       lo
        \(zeros) 00 \(zeros) 00 \(zeros) 00000001 00000001 00000000 00200201     eth2
        \(zeros) 01 \(zeros) 00 \(zeros) 00000001 00000001 00000000 00000001     eth3
        """

    @Test func `are those of the lowest metric that are up and lead somewhere`() {
        let routes = DefaultRoutes(ipv4Table: Self.ipv4, ipv6Table: Self.ipv6)
        #expect(routes.ipv4 == "eth0")
        #expect(routes.ipv6 == "eth0")
    }

    @Test(arguments: ["", "\n\n", "eth0", "eth0 00000000", "a b c d e f g h", "eth0 00000000 0 0003 0 0 -1 00000000"])
    func `are none where the table makes no sense`(table: String) {
        #expect(DefaultRoutes(ipv4Table: table, ipv6Table: table) == DefaultRoutes(ipv4Table: "", ipv6Table: ""))
        #expect(DefaultRoutes(ipv4Table: table, ipv6Table: table).ipv4 == nil)
    }

    @Test func `survive any bytes`() {
        let seed: UInt64 = 0xd0f0_0001
        var generator = SplitMix64(state: seed)
        for _ in 0..<2_000 {
            var bytes = Array((Self.ipv4 + Self.ipv6).utf8)
            for _ in 0..<20 {
                bytes[Int.random(in: 0..<bytes.count, using: &generator)] = .random(in: 0...255, using: &generator)
            }
            let table = String(decoding: bytes, as: UTF8.self)
            _ = DefaultRoutes(ipv4Table: table, ipv6Table: table)
        }
    }

    @Test func `are read from this host without a fault`() { _ = DefaultRoutes.read() }
}
