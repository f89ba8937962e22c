import Glibc
@testable import Handfast
import SeededRandom
import Testing

@Suite struct `An IP address` {
    @Test(
        arguments: [
            ("0.0.0.0", [0, 0, 0, 0]), ("10.0.0.1", [10, 0, 0, 1]), ("255.255.255.255", [255, 255, 255, 255]),
        ] as [(String, [UInt8])])
    func `of four bytes is a dotted quad`(text: String, bytes: [UInt8]) {
        #expect(IPAddress(text)?.bytes == bytes)
        #expect(IPAddress(bytes: bytes)?.description == text)
    }

    @Test(arguments: [
        ("::", "::"), ("::1", "::1"), ("1::", "1::"), ("2001:DB8::00ff", "2001:db8::ff"),
        ("1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8"), ("1:0:0:4:0:0:0:8", "1:0:0:4::8"), ("1:0:0:4:5:0:0:8", "1::4:5:0:0:8"),
        ("1:2:3:0:5:6:7:8", "1:2:3:0:5:6:7:8"), ("1:2:3::5:6:7:8", "1:2:3:0:5:6:7:8"),
        ("::ffff:10.0.0.1", "::ffff:10.0.0.1"), ("::ffff:a00:1", "::ffff:10.0.0.1"),
        ("64:ff9b::10.0.0.1", "64:ff9b::a00:1"),
        ("fe80::1%eth0", "fe80::1%eth0"), ("fe80::1%3", "fe80::1%3"),
    ])
    func `of sixteen bytes is written in its shortest form`(text: String, canonical: String) throws {
        let address = try #require(IPAddress(text))
        #expect(address.description == canonical)
        #expect(IPAddress(canonical) == address)
    }

    @Test(arguments: [
        "", " ", "10.0.0", "10.0.0.0.1", "10.0.0.256", "010.0.0.1", "10.0.0.1 ", "+1.0.0.1", "10..0.1", "0x10.0.0.1",
        "1",
        "10.0.0.1%eth0", ":", ":::", "1:::2", "::1::", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "1:2:3:4:5:6:7:8::",
        "12345::",
        "+1::", "-1::", "g::", ":1", "1:", "::1:", "1.2.3.4::", "::1.2.3.4:1", "::1.2.3", "fe80::1%", "fe80::1%a b",
        "fe80::1%eth0%eth1", "fe80::1%a/b", "fe80::1%a]b", "fe80::1%a:b", "fe80::1%a@b", "fe80::1%a\nb",
        "fe80::1%interface-of-16b", "[::1]", "localhost", "١.0.0.1",
    ])
    func `is never read from anything else`(text: String) {
        #expect(IPAddress(text) == nil)
    }

    @Test func `has four bytes without a zone, or sixteen`() {
        for count in 0..<32 {
            let bytes = [UInt8](repeating: 1, count: count)
            #expect((IPAddress(bytes: bytes) != nil) == (count == 4 || count == 16))
            #expect((IPAddress(bytes: bytes, zone: "eth0") != nil) == (count == 16))
            #expect(IPAddress(bytes: bytes, zone: "") == nil)
            #expect(IPAddress(bytes: bytes, zone: "a%b") == nil)
        }
    }

    @Test func `with another zone is another address`() {
        #expect(IPAddress("fe80::1%eth0") != IPAddress("fe80::1%eth1"))
        #expect(IPAddress("fe80::1%eth0") != IPAddress("fe80::1"))
    }

    @Test func `is read and written as the system does`() throws {
        let seed: UInt64 = 0x1952_a66e
        var generator = SplitMix64(state: seed)
        for round in 0..<5_000 {
            // Few values, so that runs of zeros and mapped addresses are frequent.
            let choices: [UInt8] = [0, 0, 0, 0, 1, 0xff, UInt8.random(in: 0...255, using: &generator)]
            let count = Bool.random(using: &generator) ? 4 : 16
            var bytes = (0..<count).map { _ in choices.randomElement(using: &generator)! }
            if count == 16, round % 5 == 0 {
                bytes.replaceSubrange(0..<12, with: [UInt8](repeating: 0, count: 10) + [0xff, 0xff])
            }
            let address = try #require(IPAddress(bytes: bytes))
            #expect(IPAddress(address.description) == address, "seed \(seed), round \(round)")
            // The system writes the abandoned ::1.2.3.4 as such, RFC 5952 does not ask for it.
            if count == 16, bytes[..<12].allSatisfy({ $0 == 0 }) { continue }
            #expect(address.description == systemText(of: bytes), "seed \(seed), round \(round)")
        }
    }

    @Test func `is read from random texts exactly where the system reads one`() {
        let seed: UInt64 = 0x4444_0006
        var generator = SplitMix64(state: seed)
        let parts = [
            "0", "1", "25", "255", "256", "00", "ff", "FFFF", "12345", ".", ".", ".", ":", ":", ":", ":", "::", "g",
            " ",
        ]
        var readCount = 0
        for round in 0..<60_000 {
            let text = (0..<Int.random(in: 1...15, using: &generator))
                .map { index in
                    index % 2 == 0 || round % 3 == 0
                        ? parts.randomElement(using: &generator)! : [".", ":"].randomElement(using: &generator)!
                }
                .joined()
            let address = IPAddress(text)
            if address != nil { readCount += 1 }
            #expect(address?.bytes == systemBytes(of: text), "seed \(seed), round \(round): \(text)")
        }
        #expect(readCount > 500, "too few of the texts were addresses to say anything")
    }

    @Test func `survives any bytes whatever`() {
        let seed: UInt64 = 0x1900_0000
        var generator = SplitMix64(state: seed)
        for round in 0..<20_000 {
            let bytes = (0..<Int.random(in: 0..<80, using: &generator)).map { _ in
                UInt8.random(in: 0...255, using: &generator)
            }
            guard let address = IPAddress(String(decoding: bytes, as: UTF8.self)) else { continue }
            #expect(IPAddress(address.description) == address, "seed \(seed), round \(round)")
        }
    }

    @Test func `needs no memory beyond its own forty bytes`() {
        #expect(MemoryLayout<IPAddress>.stride == 40)
    }

    @Test func `shares its first bits with others of its family`() throws {
        let seed: UInt64 = 0x9f1e_0001
        var generator = SplitMix64(state: seed)
        for round in 0..<2_000 {
            let bytes = (0..<(round % 2 == 0 ? 4 : 16)).map { _ in UInt8.random(in: 0...255, using: &generator) }
            let address = try #require(IPAddress(bytes: bytes))
            #expect(address.bytes == bytes)
            let bit = Int.random(in: 0..<bytes.count * 8, using: &generator)
            var others = bytes
            others[bit / 8] ^= 0x80 >> UInt8(bit % 8)
            let other = try #require(IPAddress(bytes: others))
            for count in [-1, 0, bit, bit + 1, 128, 500] {
                #expect(
                    address.hasSamePrefix(as: other, bitCount: count) == (count <= bit), "seed \(seed), round \(round)")
            }
        }
        #expect(IPAddress("::")?.hasSamePrefix(as: .anyIPv4, bitCount: 0) == false)
    }

    @Test(arguments: [
        ("127.0.0.1", true, false, false), ("127.9.9.9", true, false, false), ("::1", true, false, false),
        ("::ffff:127.0.0.2", true, false, false), ("128.0.0.1", false, false, false), ("::2", false, false, false),
        ("0.0.0.0", false, true, false), ("::", false, true, false), ("::ffff:0.0.0.0", false, true, false),
        ("fe80::1%eth0", false, false, true), ("febf::1", false, false, true), ("fec0::1", false, false, false),
        ("169.254.1.2", false, false, true), ("169.255.1.2", false, false, false),
    ])
    func `is of a kind in any spelling`(text: String, isLoopback: Bool, isUnspecified: Bool, isLinkLocal: Bool) throws {
        let address = try #require(IPAddress(text))
        #expect(address.isLoopback == isLoopback)
        #expect(address.isUnspecified == isUnspecified)
        #expect(address.isLinkLocal == isLinkLocal)
    }

    private func systemText(of bytes: [UInt8]) -> String {
        var text = [CChar](repeating: 0, count: 64)
        _ = inet_ntop(bytes.count == 4 ? AF_INET : AF_INET6, bytes, &text, 64)
        return String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    private func systemBytes(of text: String) -> [UInt8]? {
        var bytes = [UInt8](repeating: 0, count: 16)
        if inet_pton(AF_INET, text, &bytes) == 1 { return Array(bytes[..<4]) }
        return inet_pton(AF_INET6, text, &bytes) == 1 ? bytes : nil
    }
}
