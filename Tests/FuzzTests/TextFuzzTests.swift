import Handfast
import LoopbackTransport
import SeededRandom
import SharedMemoryTransport
import TCPTransport
import Testing
import TransportAPI

@Suite(.serialized) struct `Any text` {
    private static let definitions = [
        SharedMemoryTransport.definition, TCPTransport.definition, LoopbackTransport.definition,
    ]

    @Test func `is an address that reads as it is written, or an error`() throws {
        let valid = [
            "10.0.0.1:5000@rank0", "[fe80::1%eth0]:5000@rank0", "[::ffff:1.2.3.4]:1", "127.0.0.1:65535", "[::]:0@x",
            "10.0.0.1:5000,[fd00::1]:5000,localhost:1@rank0",
        ]
        try Fuzz.run("EndpointAddress") { random in
            let text = Self.text(like: valid, &random)
            guard let address = try? EndpointAddress(parsing: text) else { return }
            let again = try EndpointAddress(parsing: address.description)
            try Fault.unless(again == address, "\(text) is \(address), which is \(again)")
        }
    }

    @Test func `is a selection of transports or an error`() throws {
        let lists = ["shm,tcp", "^tcp", "^shm,loopback", "", " tcp , shm "]
        let rules = [
            "local=shm,tcp; 10.0.0.0/8=tcp; rank7=tcp; *=shm,tcp", "fe80::/10=^shm", "rank*=tcp;host?=^tcp", "",
        ]
        try Fuzz.run("TransportSelection") { random in
            let (list, rules) = (Self.text(like: lists, &random), Self.text(like: rules, &random))
            let known = Self.definitions.map(\.name)
            let selection = try? TransportSelection(transports: list, select: rules, known: known)
            guard let selection else { return }
            let peer = PeerDescription(
                name: Self.text(like: ["rank7", "host1", ""], &random),
                address: random.bytes([4, 16][random.number(0...1)]),
                isLocal: random.happens(oneIn: 2))
            let choice = selection.choose(for: peer)
            let all = choice.names + choice.excluded.map(\.name)
            try Fault.unless(Set(all) == Set(known), "\(list) and \(rules) choose \(choice)")
        }
    }

    @Test func `is a value of a setting or an error`() throws {
        let rows = Settings.rows(transports: Self.definitions)
        let values = ["3000", "64m", "1024g", "16k", "-1", "99999999999999999999", "yes", "", "shm", "local=tcp"]
        try Fuzz.run("Settings") { random in
            var environment: [String: String] = [:]
            for _ in 0..<random.number(0...4) {
                guard var name = rows.randomElement(using: &random)?.name else { return }
                if random.happens(oneIn: 4) { name = Self.text(like: [name], &random) }
                environment[name] = Self.text(like: values, &random)
            }
            do throws(HandfastError) {
                _ = try Settings(environment: environment, transports: Self.definitions)
            } catch {
                try Fault.unless(error.code == .invalidArgument, "\(environment) is \(error.code)")
                try Fault.unless(error.message.contains("HANDFAST_"), "\(error.message) names no variable")
            }
        }
    }

    private static let alphabet =
        Array("0123456789abcfhmprstx,;=^*?/.:@[]%# \t\n\u{0}ékg-+_HANDFST".utf8) + [0xff, 0x80]

    private static func text(like valid: [String], _ random: inout SplitMix64) -> String {
        var bytes = Array((valid.randomElement(using: &random) ?? "").utf8)
        if random.happens(oneIn: 8) { bytes = random.bytes(random.number(0...40)) }
        if random.happens(oneIn: 50) { bytes += [UInt8](repeating: bytes.last ?? 44, count: 5_000) }
        random.mutate(&bytes, with: alphabet)
        return String(decoding: bytes, as: UTF8.self)
    }
}
