@testable import Handfast
import SeededRandom
import Testing

@Suite struct `An endpoint address` {
    @Test(
        arguments: [
            ("10.0.0.1:5000@rank0", "10.0.0.1", 5000, "rank0"), ("10.0.0.1:1", "10.0.0.1", 1, nil),
            ("[fe80::1%eth0]:65535@rank0", "fe80::1%eth0", 65535, "rank0"), ("[::1]:5000", "::1", 5000, nil),
            ("10.0.0.1:5000@a@b:c]", "10.0.0.1", 5000, "a@b:c]"), ("10.0.0.1:5000@ räñk", "10.0.0.1", 5000, " räñk"),
        ] as [(String, String, UInt16, String?)])
    func `is host, port and perhaps a name`(text: String, host: String, port: UInt16, name: String?) throws {
        let address = try EndpointAddress(parsing: text)
        #expect(address.host == IPAddress(host))
        #expect(address.port == port)
        #expect(address.name == name)
        #expect(address.description == text)
    }

    @Test func `may have several places, the preferred first`() throws {
        let text = "10.0.0.1:5000,[fe80::1%eth0]:5001,[fd00::1]:5000@rank0,1"
        let address = try EndpointAddress(parsing: text)
        #expect(address.description == text)
        #expect(address.host == IPAddress("10.0.0.1"))
        #expect(address.port == 5000)
        #expect(address.name == "rank0,1")
        #expect(address.places.map(\.description) == ["10.0.0.1:5000", "[fe80::1%eth0]:5001", "[fd00::1]:5000"])
        #expect(address.alternatives == Array(address.places.dropFirst()))
    }

    @Test func `counts a place that comes twice once`() throws {
        let address = try EndpointAddress(parsing: "10.0.0.1:1,10.0.0.2:1,10.0.0.1:1,10.0.0.2:1")
        #expect(address.description == "10.0.0.1:1,10.0.0.2:1")
    }

    @Test func `has at most sixteen places`() throws {
        let places = (1...16).map { "[fe80:1111:2222:3333:4444:5555:6666:\($0)%interface-of-15]:65535" }
        let longest = places.joined(separator: ",") + "@" + String(repeating: "n", count: 255)
        #expect(try EndpointAddress(parsing: longest).description == longest)
        #expect(error("10.0.0.1:1," + places.joined(separator: ","))?.message.contains("at most 16 addresses") == true)
        let more = try (1...16).map { try EndpointAddress.Place(host: .loopback, port: $0) }
        #expect(throws: HandfastError.self) { try EndpointAddress(host: .anyIPv6, port: 1, alternatives: more) }
    }

    @Test func `may say localhost`() throws {
        #expect(try EndpointAddress(parsing: "localhost:5000@me").description == "127.0.0.1:5000@me")
    }

    @Test(arguments: [
        ("", 1, "\"\" is no IPv4 address"), (":5000", 1, "\"\" is no IPv4 address"),
        ("example.org:5000", 1, "\"example.org\" is no IPv4 address"), ("10.0.0.1@x", 9, "the port are missing"),
        ("10.0.0.1", 9, "the port are missing"), ("10.0.0.1:", 10, "\"\" is no port"),
        ("10.0.0.1:0", 10, "\"0\" is no port"),
        ("10.0.0.1:65536", 10, "is no port"), ("10.0.0.1:+1", 10, "is no port"), ("10.0.0.1:080", 10, "is no port"),
        ("10.0.0.1:123456", 10, "is no port"), ("10.0.0.1:5000 @x", 10, "is no port"),
        ("10.0.0.1:1:2", 10, "is no port"),
        ("::1:5000", 1, "stand in brackets"), ("[::1:5000", 1, "is not closed"),
        ("[::1]5000", 6, "the port are missing"),
        ("[::1]", 6, "the port are missing"), ("[10.0.0.1]:5000", 2, "is no IPv6 address"),
        ("[]:5000", 2, "is no IPv6 address"),
        ("[::1%]:5000", 2, "is no IPv6 address"), ("10.0.0.1:5000@", 15, "the name has 0 bytes"),
        ("10.0.0.1:5000@a\tb", 15, "the name has control characters"), ("@", 1, "is no IPv4 address"),
        ("10.0.0.1:1,", 12, "\"\" is no IPv4 address"), (",10.0.0.1:1", 1, "\"\" is no IPv4 address"),
        ("10.0.0.1:1,10.0.0.2", 20, "the port are missing"), ("10.0.0.1,10.0.0.2:1", 9, "the port are missing"),
        ("10.0.0.1:1,[::1:1", 12, "is not closed"), ("10.0.0.1:1,[::g]:1", 13, "is no IPv6 address"),
        ("10.0.0.1:1,::1:1", 12, "stand in brackets"), ("10.0.0.1:1, 10.0.0.2:1", 12, "is no IPv4 address"),
        ("10.0.0.1:1,b.example:1", 12, "\"b.example\" is no IPv4 address"), ("10.1:1", 1, "is no IPv4 address"),
        ("10.0.0.1:0,10.0.0.2:1", 10, "\"0\" is no port"),
    ])
    func `that is wrong is an error with text, place and fault`(text: String, byte: Int, fault: String) {
        let error = error(text)
        #expect(error?.code == .invalidArgument)
        #expect(error?.message.contains("is wrong at byte \(byte): ") == true, "\(error?.message ?? "none")")
        #expect(error?.message.contains(fault) == true, "\(error?.message ?? "none")")
        #expect(error?.message.contains("it is written 10.0.0.1:5000@name") == true)
        if text.count < 50, !text.contains("\t") { #expect(error?.message.contains("\"\(text)\"") == true) }
    }

    @Test func `has a name of at most 255 bytes`() throws {
        let longest = String(repeating: "ä", count: 127) + "x"
        #expect(try EndpointAddress(parsing: "10.0.0.1:5000@" + longest).name == longest)
        #expect(error("10.0.0.1:5000@" + longest + "x")?.message.contains("the name has 256 bytes") == true)
    }

    @Test func `of more than 2048 bytes is refused without being read`() {
        let error = error("10.0.0.1:5000@" + String(repeating: "x", count: 1_000_000))
        #expect(error?.message.contains("has 1000014 bytes, more than 2048") == true)
        #expect((error?.message.utf8.count ?? .max) < 500)
    }

    @Test func `made from its parts keeps the same rules`() throws {
        let host = try #require(IPAddress("10.0.0.1"))
        #expect(try EndpointAddress(host: host, port: 5000, name: "x").description == "10.0.0.1:5000@x")
        for (port, name) in [(0, "x"), (1, ""), (1, "\u{0}"), (1, String(repeating: "x", count: 256))]
            as [(UInt16, String)]
        {
            #expect(throws: HandfastError.self) { try EndpointAddress(host: host, port: port, name: name) }
        }
    }

    @Test func `is read back as it was written`() throws {
        let seed: UInt64 = 0xadd2_e550
        var generator = SplitMix64(state: seed)
        for round in 0..<5_000 {
            let bytes = (0..<(round % 2 == 0 ? 4 : 16)).map { _ in UInt8.random(in: 0...255, using: &generator) }
            let host = try #require(IPAddress(bytes: bytes, zone: round % 4 == 1 ? "eth0" : nil))
            var name: String?
            if Bool.random(using: &generator) {
                let letters = Array("abc@:[]% ä€😀.\u{301}".unicodeScalars)
                name = String(
                    String.UnicodeScalarView(
                        (0...Int.random(in: 0..<60, using: &generator)).map { _ in
                            letters.randomElement(using: &generator)!
                        }))
            }
            let address = try EndpointAddress(host: host, port: .random(in: 1...65535, using: &generator), name: name)
            #expect(try EndpointAddress(parsing: address.description) == address, "seed \(seed), round \(round)")
        }
    }

    @Test func `survives any text whatever`() {
        let seed: UInt64 = 0x0add_2e55
        var generator = SplitMix64(state: seed)
        let letters = Array("[]::::%@..0123459af eth\u{0}ä".utf8)
        for round in 0..<20_000 {
            var bytes = round % 2 == 0 ? Array("[fe80::1%eth0]:5000@rank0".utf8) : Array("10.0.0.1:5000@rank0".utf8)
            for _ in 0..<Int.random(in: 0..<8, using: &generator) where !bytes.isEmpty {
                let index = Int.random(in: 0..<bytes.count, using: &generator)
                switch Int.random(in: 0..<4, using: &generator) {
                case 0: bytes.remove(at: index)
                case 1: bytes.insert(letters.randomElement(using: &generator)!, at: index)
                case 2: bytes[index] = letters.randomElement(using: &generator)!
                default: bytes[index] = .random(in: 0...255, using: &generator)
                }
            }
            guard let address = try? EndpointAddress(parsing: String(decoding: bytes, as: UTF8.self)) else { continue }
            #expect((try? EndpointAddress(parsing: address.description)) == address, "seed \(seed), round \(round)")
            #expect(address.port > 0)
        }
    }

    private func error(_ text: String) -> HandfastError? {
        do throws(HandfastError) { _ = try EndpointAddress(parsing: text) } catch { return error }
        return nil
    }
}
