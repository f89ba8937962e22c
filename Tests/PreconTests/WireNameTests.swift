import Precon
import Testing

@Suite struct `A wire name` {
    @Test func `of up to eight bytes is the name itself, zero padded`() {
        #expect(WireName("rank0").bytes == Array("rank0".utf8) + [0, 0, 0])
        #expect(WireName("r0000007").bytes == Array("r0000007".utf8))
        #expect(WireName("").bytes == [0, 0, 0, 0, 0, 0, 0, 0])
    }

    @Test func `of more bytes is a tilde and 42 bits of the FNV-1a hash in base64`() {
        // The expected text comes from a separate program.
        #expect(WireName("storage-server-01").description == "~Ae69SCq")
        #expect(WireName("storage-server-01").bytes.first == UInt8(ascii: "~"))
        #expect(WireName("storage-server-01") != WireName("storage-server-02"))
    }

    @Test func `is ordered by unsigned bytes`() {
        #expect(WireName("bar") < WireName("foo"))
        #expect(WireName("a") < WireName("aa"))
        #expect(WireName("z") < WireName("\u{e9}"))
        #expect(WireName("rank10") < WireName("rank2"))
    }

    @Test func `is shown up to its first zero`() {
        #expect(WireName("p4711").description == "p4711")
    }
}
