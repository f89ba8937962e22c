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
