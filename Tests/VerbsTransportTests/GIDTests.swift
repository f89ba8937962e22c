import CVerbs
import Testing
import TransportAPI

@testable import VerbsTransport

private let mapped = GID([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 1, 0, 2])
private let linkLocal = GID([0xfe, 0x80, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0xff, 0xfe, 0, 0, 1])
private let global = GID([0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x1f])
private let v1 = UInt8(CVERBS_GID_ROCE_1)
private let v2 = UInt8(CVERBS_GID_ROCE_2)

@Suite struct `A GID` {
    @Test(arguments: [
        (mapped, "::ffff:10.1.0.2"), (linkLocal, "fe80:0:0:0:200:ff:fe00:1"), (global, "2001:db8:0:0:0:0:0:1f"),
        (GID([UInt8](repeating: 0, count: 16)), "0:0:0:0:0:0:0:0"),
        (GID([UInt8](repeating: 255, count: 16)), "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
    ])
    func `is written as an IPv6 address`(gid: GID, text: String) { #expect(gid.description == text) }

    @Test func `tells what kind of address it is`() {
        #expect([mapped, linkLocal, global].map(\.isMappedIPv4) == [true, false, false])
        #expect([mapped, linkLocal, global].map(\.isLinkLocal) == [false, true, false])
        // fe80::/10 ends with febf, and one byte that is not zero makes another address of a mapped one.
        var bytes = linkLocal.bytes
        bytes[1] = 0xbf
        #expect(GID(bytes).isLinkLocal)
        bytes[1] = 0xc0
        #expect(!GID(bytes).isLinkLocal)
        for index in 0..<10 {
            bytes = mapped.bytes
            bytes[index] = 1
            #expect(!GID(bytes).isMappedIPv4)
        }
    }
}

@Suite struct `The choice among the GIDs of a port` {
    private static let table = [
        GIDEntry(index: 0, gid: linkLocal, kind: v1), GIDEntry(index: 1, gid: linkLocal, kind: v2),
        GIDEntry(index: 2, gid: mapped, kind: v1), GIDEntry(index: 3, gid: mapped, kind: v2),
        GIDEntry(index: 4, gid: global, kind: v1), GIDEntry(index: 5, gid: global, kind: v2),
    ]

    private func choose(
        _ indices: Set<Int> = Set(0...5), source: GID? = nil, isEthernet: Bool = true, wanted: Int? = nil
    ) throws(TransportRefusal) -> Int {
        try GIDEntry.choose(
            from: Self.table.filter { indices.contains($0.index) }, source: source, isEthernet: isEthernet,
            wanted: wanted, place: "port 1 of mlx5_0"
        ).index
    }

    @Test func `takes RoCE v2 before v1, then IPv4, a global address, and a link-local one last`() throws {
        var left = Set(0...5)
        var order: [Int] = []
        while !left.isEmpty {
            order.append(try choose(left))
            left.remove(order.last!)
        }
        #expect(order == [3, 5, 1, 2, 4, 0])
    }

    @Test(arguments: [(mapped, 3), (global, 5), (linkLocal, 1)])
    func `takes the own address towards the peer before all others`(source: GID, index: Int) throws {
        #expect(try choose(source: source) == index)
        // Even in the older version.
        #expect(try choose(Set(0...5).subtracting([index]), source: source) == index - 1)
    }

    @Test func `takes the first of equal ones`() throws {
        let twins = [7, 8].map { GIDEntry(index: $0, gid: mapped, kind: v2) }
        let chosen = try GIDEntry.choose(from: twins, source: nil, isEthernet: true, wanted: nil, place: "")
        #expect(chosen.index == 7)
    }

    @Test func `takes the first on InfiniBand`() throws {
        #expect(try choose([1, 2, 3], source: mapped, isEthernet: false) == 1)
    }

    @Test func `takes what the user wants, or tells what there is`() throws {
        #expect(try choose(source: mapped, wanted: 0) == 0)
        #expect(try choose(source: mapped, isEthernet: false, wanted: 4) == 4)
        let error = #expect(throws: TransportRefusal.self) { try choose([1, 3], wanted: 2) }
        #expect(
            error?.text == "HANDFAST_VERBS_GID=2 matches no entry of port 1 of mlx5_0; there are 1"
                + " (fe80:0:0:0:200:ff:fe00:1), 3 (::ffff:10.1.0.2)")
    }

    @Test func `says what to do when there is none`() {
        let error = #expect(throws: TransportRefusal.self) { try choose([]) }
        #expect(error?.text == "port 1 of mlx5_0 has no GID; give its interface an address")
        let wanted = #expect(throws: TransportRefusal.self) { try choose([], wanted: 3) }
        #expect(wanted?.text.hasSuffix("there are none") == true)
    }
}

@Suite struct `Two ports` {
    /// The device is not looked at.
    private func route(layer: Int32 = CVERBS_ETHERNET, _ gid: GID = mapped, kind: UInt8 = v2) -> Route {
        var attributes = cverbs_port()
        attributes.link_layer = UInt8(layer)
        return Route(
            VerbsDevice.Pointer(bitPattern: 4096)!, "mlx5_0", port: 1, attributes: attributes,
            entry: GIDEntry(index: 3, gid: gid, kind: kind))
    }

    private func offer(layer: UInt8 = UInt8(CVERBS_ETHERNET), _ gid: GID = mapped, kind: UInt8 = v2) -> VerbsOffer {
        VerbsOffer(
            linkLayer: layer, gidKind: kind, gid: gid, lid: 0, queuePairNumber: 1, packetNumber: 1, mtuByteCount: 1024,
            frameByteCount: 4096, credits: 1, readLimit: 1, messageByteLimit: 4096, proofAddress: 0, proofKey: 0,
            proof: 0)
    }

    @Test func `of one kind match`() throws {
        try offer().checkMatch(route())
        try offer(global).checkMatch(route(GID([0x20, 1] + [UInt8](repeating: 7, count: 14))))
        let infiniBand = UInt8(CVERBS_INFINIBAND)
        // With GIDs of two kinds, which its packets need not have.
        try offer(layer: infiniBand, global, kind: 0).checkMatch(route(layer: CVERBS_INFINIBAND, linkLocal, kind: 0))
    }

    @Test func `of two kinds are told apart, with what each is`() {
        func refusal(_ offer: VerbsOffer, _ route: Route) -> String? {
            #expect(throws: TransportRefusal.self) { try offer.checkMatch(route) }?.text
        }
        #expect(
            refusal(offer(layer: UInt8(CVERBS_INFINIBAND)), route())
                == "the peer's RDMA port is InfiniBand, mlx5_0's is Ethernet")
        #expect(
            refusal(offer(layer: 77), route())
                == "the peer's RDMA port is of an unknown kind (77), mlx5_0's is Ethernet")
        #expect(
            refusal(offer(kind: v1), route())
                == "the peer's GID ::ffff:10.1.0.2 is RoCE v1, this side's ::ffff:10.1.0.2 RoCE v2; choose another with"
                + " HANDFAST_VERBS_GID")
        #expect(refusal(offer(kind: 200), route())?.contains("of an unknown kind (200)") == true)
        for other in [global, linkLocal] {
            #expect(
                refusal(offer(other), route())
                    == "the peer's GID \(other) and this side's ::ffff:10.1.0.2 are of two kinds; choose another with"
                    + " HANDFAST_VERBS_GID")
        }
        #expect(refusal(offer(linkLocal), route(global))?.contains("two kinds") == true)
    }
}
