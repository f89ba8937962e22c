import Precon
import Testing

@Suite struct `A frame header` {
    @Test func `is type and payload size, big endian`() throws {
        let header = try FrameHeader(decoding: [0, 0x10, 0, 3, 0, 0, 0, 8])
        #expect(header.type == 0x10_0003)
        #expect(header.payloadByteCount == 8)
    }

    @Test func `may announce 64 KiB`() throws {
        #expect(try FrameHeader(decoding: [0, 0x10, 0, 3, 0, 1, 0, 0]).payloadByteCount == 65_536)
    }

    @Test(arguments: [UInt32(65_537), 0x7fff_fff0, 0xffff_fff8, 0xffff_fffc])
    func `that announces more is refused before anything is allocated`(byteCount: UInt32) {
        let size = [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: byteCount >> $0) }
        #expect(throws: PreconError.payloadTooLong(byteCount: byteCount, limit: 65_536)) {
            try FrameHeader(decoding: [0, 0x10, 0, 3] + size)
        }
    }
}

@Suite struct `The beginning of a stream` {
    @Test(arguments: [
        ("HTTP/1.1 400 Bad Request\r\n", "HTTP/1.1 400 Bad"), ("SSH-2.0-x\r\n", "SSH-2.0-x.."),
        ("+OK\r\n", "+OK.."), ("\u{16}\u{3}\u{1}", "..."), ("é\u{7f}~ ", "...~ "),
    ])
    func `that is none of ours is shown, with dots for what cannot be printed`(bytes: String, shown: String) throws {
        let error = try #require(PreconError(ofStreamBeginningWith: Array(bytes.utf8)))
        #expect(error.description == "it does not speak this protocol; its first bytes are \"\(shown)\"")
    }

    @Test(
        arguments: [
            [], [0], [0, 0x10, 0], [0, 0x10, 0, 3], [0, 0x10, 0, 0x24, 0xff, 0xff, 0xff, 0xff], [0, 0x0f, 0xff, 0xfe],
        ] as [[UInt8]])
    func `is not foreign when it may be a frame of ours`(bytes: [UInt8]) {
        #expect(PreconError(ofStreamBeginningWith: bytes) == nil)
    }
}
