import CVerbs
import SeededRandom
import Testing
import TransportAPI

@testable import VerbsTransport

@Suite struct `The step of the verbs transport` {
    private static let offer = VerbsOffer(
        linkLayer: 2, gidKind: 2, gid: GID(Array(1...16)), lid: 0x1718, queuePairNumber: 0x00a1_a2a3,
        packetNumber: 0x00b1_b2b3, mtuByteCount: 1024, frameByteCount: 4096, credits: 5, readLimit: 16,
        messageByteLimit: 0x8000_0000, proofAddress: 0xc1c2_c3c4_c5c6_c7c8, proofKey: 0xd1d2_d3d4,
        proof: 0xe1e2_e3e4_e5e6_e7e8)
    /// Where each field stands.
    private static let bytes: [UInt8] =
        [0, 1, 2, 2] + Array(1...16) + [0x17, 0x18, 0, 5, 0, 0xa1, 0xa2, 0xa3, 0, 0xb1, 0xb2, 0xb3]
        + [0, 0, 4, 0, 0, 0, 0x10, 0, 0x80, 0, 0, 0]
        + [0xc1, 0xc2, 0xc3, 0xc4, 0xc5, 0xc6, 0xc7, 0xc8, 0xe1, 0xe2, 0xe3, 0xe4, 0xe5, 0xe6, 0xe7, 0xe8]
        + [0xd1, 0xd2, 0xd3, 0xd4, 16, 0, 0, 0]

    @Test func `has these bytes`() throws {
        #expect(Self.bytes.count == 68)
        #expect(Self.offer.payload == Self.bytes)
        #expect(try VerbsOffer.parse(Self.bytes) == Self.offer)
    }

    @Test func `is refused when it is cut anywhere, or goes on`() {
        for count in 0..<Self.bytes.count {
            expectRefusal(Array(Self.bytes.prefix(count)), .malformedStep, "step of \(count) bytes")
        }
        expectRefusal(Self.bytes + [0], .malformedStep, "step of 69 bytes instead of 68")
        expectRefusal([UInt8](repeating: 0, count: 70_000), .unreachable, "format 0")
    }

    @Test func `of another version names both`() {
        var bytes = Self.bytes
        bytes[1] = 2
        expectRefusal(bytes, .unreachable, "the peer speaks verbs format 2, this side 1")
        // Its size is its own affair.
        expectRefusal(Array(bytes.prefix(10)), .unreachable, "format 2")
    }

    @Test(
        arguments: [
            (24, [1, 0, 0, 0], "queue pair number 16777216, where 24 bits is allowed"),
            (28, [255, 0, 0, 0], "packet number 4278190080, where 24 bits is allowed"),
            (32, [0, 0, 0, 0], "MTU 0, where 256, 512, 1024, 2048 or 4096 is allowed"),
            (32, [0, 0, 0x20, 0], "MTU 8192"), (32, [0, 0, 0x03, 0], "MTU 768"),
            (32, [255, 255, 255, 255], "MTU 4294967295"),
            (36, [0, 0, 0, 255], "frame size 255, where 256 to 65536 is allowed"),
            (36, [0, 1, 0, 1], "frame size 65537"), (36, [255, 255, 255, 255], "frame size 4294967295"),
            (22, [0, 0], "credits 0, where 1 to 1024 is allowed"), (22, [4, 1], "credits 1025"),
            (22, [255, 255], "credits 65535"),
        ] as [(Int, [UInt8], String)])
    func `is refused with a field that cannot be, which is named with its value`(
        offset: Int, field: [UInt8], text: String
    ) {
        var bytes = Self.bytes
        bytes.replaceSubrange(offset..<offset + field.count, with: field)
        expectRefusal(bytes, .malformedStep, text)
    }

    @Test(
        arguments: [
            (36, [0, 0, 1, 0]), (36, [0, 1, 0, 0]), (22, [0, 1]), (22, [4, 0]), (40, [0, 0, 0, 0]), (64, [0]),
            (24, [0, 255, 255, 255]),
        ]
            as [(Int, [UInt8])])
    func `may have a field at the edge of what is allowed`(offset: Int, field: [UInt8]) throws {
        var bytes = Self.bytes
        bytes.replaceSubrange(offset..<offset + field.count, with: field)
        #expect(try VerbsOffer.parse(bytes).payload == bytes)
    }

    @Test func `is read or refused, whatever comes`() {
        var random = seededRandom("steps")
        var readCount = 0
        for _ in 0..<20_000 {
            var bytes = Self.bytes
            for _ in 0..<Int.random(in: 0...3, using: &random) {
                bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8(truncatingIfNeeded: random.next())
            }
            if Int.random(in: 0..<4, using: &random) == 0 {
                bytes = random.bytes(Int.random(in: 0...100, using: &random))
                if bytes.count > 1 { (bytes[0], bytes[1]) = (0, 1) }
            }
            do throws(TransportRefusal) {
                let offer = try VerbsOffer.parse(bytes)
                readCount += 1
                // The last three bytes say nothing.
                #expect(offer.payload.prefix(65) == bytes.prefix(65))
            } catch { #expect(!error.text.isEmpty) }
        }
        #expect(readCount > 1000)
    }

    private func expectRefusal(_ bytes: [UInt8], _ code: TransportRefusal.Code, _ text: String) {
        do throws(TransportRefusal) {
            let offer = try VerbsOffer.parse(bytes)
            Issue.record("\(offer) was read from \(bytes)")
        } catch {
            #expect(error.code == code)
            #expect(error.text.contains(text), "\(error.text)")
        }
    }
}
