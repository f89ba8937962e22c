import Precon
import SeededRandom
import Testing

@Suite(.serialized) struct `Any bytes in the handshake` {
    @Test func `are a message, an unknown one or an error`() throws {
        try Fuzz.run("precon frames") { random in
            var bytes = random.happens(oneIn: 2) ? Self.frame(&random) : random.bytes(random.number(8...300))
            random.mutate(&bytes)
            guard bytes.count >= FrameHeader.byteCount,
                let header = try? FrameHeader(decoding: Array(bytes.prefix(FrameHeader.byteCount)))
            else { return }
            try Self.decode(header.type, bytes.dropFirst(FrameHeader.byteCount))
        }
    }

    @Test func `are a PEER_INFO or an error`() throws {
        try Fuzz.run("PEER_INFO") { random in
            var info = PeerInfo()
            info.addresses = (0..<random.number(0...9)).map { _ in
                let bytes = random.bytes(random.happens(oneIn: 2) ? 4 : 16)
                return PeerInfo.Address(
                    bytes: bytes, port: UInt16(truncatingIfNeeded: random.next()),
                    priority: UInt8(truncatingIfNeeded: random.next()))
            }
            var payload = Array(PreconMessage.peerInfo(info).frame.dropFirst(FrameHeader.byteCount))
            if random.happens(oneIn: 4) { payload = random.bytes(random.number(0...200)) }
            random.mutate(&payload)
            try Self.decode(MessageType.peerInfo.rawValue, payload[...])
        }
    }

    /// What was read is what would be read again from what would be written.
    private static func decode(_ type: UInt32, _ payload: ArraySlice<UInt8>) throws {
        guard let message = try? PreconMessage(type: type, payload: payload) else { return }
        let frame = message.frame
        let header = try FrameHeader(decoding: Array(frame.prefix(FrameHeader.byteCount)))
        let again = try PreconMessage(type: header.type, payload: frame.dropFirst(FrameHeader.byteCount))
        try Fault.unless(again == message, "\(message) comes back as \(String(describing: again))")
    }

    private static func frame(_ random: inout SplitMix64) -> [UInt8] {
        let type = MessageType.allCases.randomElement(using: &random)?.rawValue ?? 0
        let count = [0, 4, 8, 32, 40, 48, 56].randomElement(using: &random) ?? 0
        return [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: type >> $0) } + [0, 0, 0, UInt8(count)]
            + random.bytes(count)
    }
}
