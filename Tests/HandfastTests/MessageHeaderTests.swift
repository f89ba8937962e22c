import Testing

@testable import Handfast

@Suite struct `A message header` {
    private func bytes(_ header: MessageHeader) -> [UInt8] { withUnsafeBytes(of: header.word, Array.init) }

    @Test func `is size of the user header, kind and a 40-bit size`() {
        let header = MessageHeader(.user, userHeaderByteCount: 12, payloadByteCount: 0x01_2345_6789)
        #expect(bytes(header) == [12, 0, 0, 0x89, 0x67, 0x45, 0x23, 0x01])
        #expect(bytes(MessageHeader(.end, userHeaderByteCount: 0, payloadByteCount: 0)) == [0, 0, 8, 0, 0, 0, 0, 0])
    }

    @Test(arguments: [0, 1, 65_535]) func `keeps every size`(userHeaderByteCount: Int) {
        for payloadByteCount in [0, 1, 1 << 32, MessageHeader.maximumPayloadByteCount] {
            let header = MessageHeader(
                .user, userHeaderByteCount: userHeaderByteCount, payloadByteCount: payloadByteCount)
            #expect(MessageHeader(word: header.word) == header)
        }
    }

    @Test func `of an unknown kind still tells what to skip`() {
        let header = MessageHeader(word: 0x0000_0000_05ff_0003 as UInt64)
        #expect(header.kind == nil)
        #expect(header.userHeaderByteCount == 3)
        #expect(header.payloadByteCount == 5)
    }
}
