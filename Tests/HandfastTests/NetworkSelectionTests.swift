import Testing
import TransportAPI

@testable import Handfast

@Suite struct `The choice of own addresses` {
    private let own = [
        "lo 127.0.0.1/8", "lo ::1/128", "eth0 10.0.0.2/24 default", "eth0 fd00::2/64 default", "eth0 fe80::2%eth0/64",
        "ib0 192.168.7.2/24", "docker0 172.17.0.1/16", "eth9 10.9.0.1/24 down",
    ]

    private func told(_ setting: String?) throws -> [String] {
        let selection = try setting.map { try NetworkSelection(SelectionText(.variable("HANDFAST_NETWORK"), $0)) }
        let host = HostAddresses(try interfaces(own), selection)
        try host.checkSelection(selection)
        return host.told.map(\.description)
    }

    private func refusal(of setting: String) -> HandfastError? {
        do { _ = try told(setting) } catch { return error as? HandfastError }
        return nil
    }

    @Test(
        arguments: [
            (nil, ["10.0.0.2", "fd00::2", "192.168.7.2", "fe80::2%eth0", "172.17.0.1"]),
            ("eth0", ["10.0.0.2", "fd00::2", "fe80::2%eth0"]), ("192.168.0.0/16", ["192.168.7.2"]),
            ("ib*, 10.0.0.0/8", ["10.0.0.2", "192.168.7.2"]),
            ("^docker*,fe80::/10", ["10.0.0.2", "fd00::2", "192.168.7.2"]),
            ("lo", ["127.0.0.1", "::1"]), ("docker?", ["172.17.0.1"]), ("10.0.0.2", ["10.0.0.2"]),
            ("eth7,ib0", ["192.168.7.2"]),
        ] as [(String?, [String])])
    func `is by interface, network or pattern`(setting: String?, addresses: [String]) throws {
        #expect(try told(setting) == addresses)
    }

    @Test(arguments: ["eth7", "11.0.0.0/8", "eth9", "^*"])
    func `that leaves nothing is an error with what there is`(setting: String) throws {
        let error = try #require(refusal(of: setting))
        #expect(error.code == .invalidArgument)
        #expect(error.message.contains("HANDFAST_NETWORK=\(setting) leaves no address"), "\(error)")
        #expect(error.message.contains("eth0 (10.0.0.2/24, fd00::2/64, fe80::2/64), ib0 (192.168.7.2/24)"), "\(error)")
        #expect(error.message.contains("eth9 (10.9.0.1/24, down)"), "\(error)")
    }

    @Test(arguments: [
        (",eth0", 1, "is missing"), ("eth0,", 6, "is missing"), ("^", 2, "is missing"), ("eth0,^ib0", 6, "stands once"),
        ("10.0.0.0/33", 1, "is no network"), ("10.0.0", 1, "is no network"), ("eth0/8", 1, "is no network"),
        ("eth0,fe80::g/10", 6, "is no network"),
    ])
    func `that is wrong is an error with the place`(setting: String, byte: Int, fault: String) throws {
        let error = try #require(refusal(of: setting))
        #expect(error.code == .invalidArgument)
        #expect(error.message.contains("is wrong at byte \(byte): "), "\(error)")
        #expect(error.message.contains(fault), "\(error)")
    }

    @Test(
        arguments: [
            (nil, "10.0.0.2"), ("docker0", "172.17.0.1"), ("^eth0", "192.168.7.2"), ("lo", "127.0.0.1"),
            ("fd00::/8", "fd00::2"),
            ("^eth0,ib0", "127.0.0.1"),
        ] as [(String?, String)])
    func `decides which one is printed`(setting: String?, address: String) throws {
        let selection = try setting.map { try NetworkSelection(SelectionText(.variable("HANDFAST_NETWORK"), $0)) }
        #expect(HostAddresses(try interfaces(own), selection).preferred.description == address)
    }

    @Test func `leads back here by any address that is up, in any spelling`() throws {
        let host = HostAddresses(try interfaces(own), nil)
        for text in ["10.0.0.2", "::ffff:10.0.0.2", "fe80::2", "fe80::2%1", "172.17.0.1"] {
            #expect(host.contains(try #require(IPAddress(text))), "\(text)")
        }
        for text in ["10.0.0.3", "10.9.0.1"] { #expect(!host.contains(try #require(IPAddress(text))), "\(text)") }
    }

    @Test func `knows this host`() {
        #expect(HostAddresses(nil).contains(.loopback))
    }
}
