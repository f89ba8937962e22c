import SeededRandom
import Testing

@testable import VerbsTransport

@Suite struct `A frame of the verbs channel` {
    @Test func `has these bytes`() {
        var frame = Frame()
        frame.flags = [.acknowledgesControl, .wantsCredits]
        frame.exposureCount = 2
        frame.credits = 0x0304
        frame.dataByteCount = 0x0506
        frame.returnedSlotCount = 7
        #expect(bytes(of: frame) == [6, 2, 3, 4, 5, 6, 7, 0])
        #expect(frame.wholeByteCount == 8 + 2 * 24 + 0x0506)
        #expect(
            [.control, .acknowledgesControl, .wantsCredits, .end, .bulk, .wantsSlots, .offersSlots].map {
                (flag: Frame.Flags) in flag.rawValue
            } == [1, 2, 4, 8, 16, 32, 64])
    }

    @Test func `tells of a slot and an offer before exposures and bytes`() throws {
        var frame = Frame()
        frame.flags = [.bulk, .offersSlots]
        frame.bulkByteCount = 0x0001_0203
        frame.exposureCount = 1
        frame.dataByteCount = 2
        #expect(frame.streamByteCount == 0x0001_0205)
        #expect((frame.offerOffset, frame.exposureOffset, frame.dataOffset) == (16, 40, 64))
        #expect(frame.wholeByteCount == 66)
        #expect(bytes(of: frame) == [80, 1, 0, 0, 0, 2, 0, 0, 0, 1, 2, 3, 0, 0, 0, 0])
        var whole = bytes(of: frame) + [UInt8](repeating: 9, count: 50)
        #expect(parse(whole)?.bulkByteCount == 0x0001_0203)
        whole[15] = 1
        #expect(parse(whole) == nil)
    }

    @Test func `is read from its bytes`() throws {
        let frame = try #require(parse([5, 1, 0, 7, 0, 2, 0, 0] + [UInt8](repeating: 9, count: 26)))
        #expect(frame.flags == [.control, .wantsCredits])
        #expect(frame.exposureCount == 1)
        #expect(frame.credits == 7)
        #expect(frame.dataByteCount == 2)
    }

    @Test func `is refused with one byte too few or too many`() {
        let whole: [UInt8] = [0, 1, 0, 1, 0, 5, 0, 0] + [UInt8](repeating: 1, count: 29)
        #expect(parse(whole) != nil)
        for count in 0..<whole.count { #expect(parse(Array(whole.prefix(count))) == nil, "\(count) bytes") }
        #expect(parse(whole + [0]) == nil)
    }

    @Test(arguments: [128, 129, 255] as [UInt8]) func `is refused with a flag that nobody knows`(flags: UInt8) {
        #expect(parse([flags, 0, 0, 0, 0, 0, 0, 0]) == nil)
    }

    @Test func `is refused with a last byte that is not zero`() {
        var bytes = [UInt8](repeating: 0, count: 8)
        #expect(parse(bytes) != nil)
        bytes[7] = 1
        #expect(parse(bytes) == nil)
    }

    @Test func `is as large as its bytes, whatever they are`() {
        var random = seededRandom("frames")
        for _ in 0..<20_000 {
            var bytes = random.bytes(Int.random(in: 0...200, using: &random))
            // Else hardly any would be one.
            if bytes.count >= 8, Bool.random(using: &random) {
                bytes[0] &= 15
                bytes[1] = UInt8.random(in: 0...UInt8((bytes.count - 8) / 24), using: &random)
                (bytes[4], bytes[5], bytes[7]) = (0, UInt8(bytes.count - 8 - 24 * Int(bytes[1])), 0)
            }
            guard let frame = parse(bytes) else { continue }
            #expect(frame.wholeByteCount == bytes.count)
            #expect(self.bytes(of: frame) == Array(bytes.prefix(8)))
        }
    }

    @Test func `that has data and credits alone is known at a glance, and no other`() {
        // Each byte of the head right or wrong in each way that matters, with the count of bytes that it tells, and others.
        let choices: [[UInt8]] = [
            [0, 1, 2, 4, 8, 16, 32, 64, 128], [0, 1], [0, 255], [0, 7], [0, 1], [0, 1, 9, 255], [0, 1], [0, 1],
        ]
        var heads: [[UInt8]] = [[]]
        for choice in choices { heads = heads.flatMap { head in choice.map { head + [$0] } } }
        var known = 0
        for head in heads {
            for byteCount in [0, 7, 8, 9, 16, 17, 18, 263, 264, 265, 273, 520] {
                let whole = UnsafeMutableRawBufferPointer.allocate(byteCount: 1024, alignment: 8)
                defer { whole.deallocate() }
                whole.initializeMemory(as: UInt8.self, repeating: 0)
                whole.copyBytes(from: head)
                let frame = Frame(UnsafeRawBufferPointer(rebasing: whole[..<byteCount]))
                let isData =
                    frame?.flags == [] && frame?.exposureCount == 0 && frame?.returnedSlotCount == 0
                    && frame?.dataByteCount != 0
                #expect(
                    Frame.creditsWithData(whole.baseAddress!, byteCount) == (isData ? frame?.credits : nil),
                    "\(head), \(byteCount) bytes")
                known += isData ? 1 : 0
            }
        }
        #expect(known > 0)
    }

    private func parse(_ bytes: [UInt8]) -> Frame? { bytes.withUnsafeBytes { Frame($0) } }

    private func bytes(of frame: Frame) -> [UInt8] {
        let byteCount = frame.flags.contains(.bulk) ? frame.offerOffset : Frame.byteCount
        return withUnsafeTemporaryAllocation(byteCount: byteCount, alignment: 8) { room in
            frame.write(to: room.baseAddress!)
            return Array(room)
        }
    }
}
