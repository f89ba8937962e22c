import Testing

@testable import Handfast

@Suite struct `An endpoint's text` {
    @Test(arguments: [
        ("node7:5000@rank0", ["node7"]), ("10.0.0.1:1,a.b-c_d.example.:2,[::1]:3", ["a.b-c_d.example."]),
        ("localhost:1,LOCALHOST:2,localhost:3", ["localhost", "LOCALHOST"]), ("1a:1", ["1a"]), ("10.0.0.1:5", []),
        ("fe80:1", ["fe80"]), ("0xa.b:1", ["0xa.b"]),
    ])
    func `may have names of hosts`(text: String, names: [String]) throws {
        #expect(try EndpointText(text).hostNames == names)
    }

    @Test(arguments: [
        ("10.1:1", 1, "no host name"), ("a.1:1", 1, "no host name"), ("a b:1", 1, "no host name"),
        ("-a:1", 1, "no host name"),
        (".a:1", 1, "no host name"), ("ä:1", 1, "no host name"), ("a.0x1:1", 1, "no host name"),
        ("a", 2, "port are missing"),
        ("10.0.0.1:1,a\n:1", 12, "no host name"), ("a:1:2", 3, "is no port"), ("a:b:c", 3, "is no port"),
        ("fe80::1:1", 1, "stand in brackets"),
    ])
    func `that is wrong is an error with the place`(text: String, byte: Int, fault: String) {
        let error = #expect(throws: HandfastError.self) { try EndpointText(text) }
        #expect(error?.message.contains("is wrong at byte \(byte): ") == true, "\(error as Any)")
        #expect(error?.message.contains(fault) == true, "\(error as Any)")
    }

    @Test func `has host names of at most 253 bytes`() throws {
        let longest = String(repeating: "a.", count: 126) + "a"
        #expect(try EndpointText(longest + ":1").hostNames == [longest])
        #expect(throws: HandfastError.self) { try EndpointText(longest + "a:1") }
    }
}
