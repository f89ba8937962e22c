import SeededRandom
import Testing

@Suite(.serialized) struct `Any bytes on the data path` {
    @Test func `are cut into messages within the bounds, or are a violation`() throws {
        try Fuzz.run("data path") { random in
            let path = DataPath(random: random)
            defer { path.end() }
            let stream = random.happens(oneIn: 4) ? random.bytes(random.number(1...2_000)) : Self.stream(&random)
            try path.take(stream)
        }
    }

    /// Messages that are nearly right: known and unknown kinds, small and lying sizes.
    private static func stream(_ random: inout SplitMix64) -> [UInt8] {
        var stream: [UInt8] = []
        for _ in 0..<random.number(1...30) {
            let kind =
                [0, 0, 0, 0, 2, 3, 4, 4, 5, 8, 64, 64, 65, 66, 67, 68, 69, 70, random.number(0...255)].randomElement(
                    using: &random)
                ?? 0
            var header = random.bytes(random.number(0...40))
            var payloadByteCount = [0, 1, 8, random.number(0...3_000)].randomElement(using: &random) ?? 0
            if kind == 4 {
                let inner = random.number(0...20)
                header = word(inner, 0, 0) + random.bytes(inner)
                let mark = random.happens(oneIn: 2) ? 1 << 7 : 0
                header +=
                    number(random.number(0...3)) + random.bytes(7) + [UInt8(mark)] + number(random.number(0...3_000))
                payloadByteCount = 0
            }
            if kind == 2 {
                let handle = 1 << 63 | UInt64(random.number(1...3)) << 40 | UInt64(random.number(0...2_000))
                header = number(random.number(0...3)) + number(Int(bitPattern: UInt(handle)))
                (header, payloadByteCount) = (header + number(random.number(0...600)), 0)
            }
            if kind == 3 { header = number(random.number(1...6)) }
            if (64...70).contains(kind) { header = operation(kind, &payloadByteCount, &random) }
            if kind == 5 { (header, payloadByteCount) = (number(random.number(0...3)), 0) }
            let isLie = random.happens(oneIn: 40)
            let announced = isLie ? [1 << 20, (1 << 40) - 1].randomElement(using: &random) ?? 0 : payloadByteCount
            stream += word(random.happens(oneIn: 60) ? 65_535 : header.count, kind, announced) + header
            stream += random.bytes(payloadByteCount)
        }
        random.happens(oneIn: 4) ? random.mutate(&stream) : ()
        return stream
    }

    /// The fields of a one-sided operation, nearly right.
    private static func operation(
        _ kind: Int, _ payloadByteCount: inout Int, _ random: inout SplitMix64
    ) -> [UInt8] {
        func field(_ value: Int) -> [UInt8] { number(value).reversed() }
        let most = DataPath.memoryByteCount
        let offset = [0, 8, most - 8, most, -1, random.number(0...most)].randomElement(using: &random) ?? 0
        let region = random.happens(oneIn: 10) ? 1 : 0
        let start = field(random.number(1...6) << 32 | region)
        if kind != 64 { payloadByteCount = 0 }
        if kind == 67 {
            if random.happens(oneIn: 2) { payloadByteCount = random.number(0...1_000) }
            return field(random.number(1...6) << 32 | random.number(0...6)) + field(0)
        }
        if kind == 70 { return start }
        let nonce = field(random.happens(oneIn: 10) ? 8 : Int(DataPath.nonce))
        let byteCount = [0, 1, 8, most, -1, random.number(0...most)].randomElement(using: &random) ?? 0
        // Of a part: all of the operation, nearly right.
        let extent =
            random.happens(oneIn: 2)
            ? [] : field(max(0, offset) - random.number(0...2)) + field(random.number(0...most + 4))
        switch kind {
        case 64: return start + nonce + field(offset) + extent + (random.happens(oneIn: 2) ? field(1) : [])
        case 68:
            let address = field(random.number(0...1 << 20))
            let rest = field(byteCount) + extent + (random.happens(oneIn: 2) ? field(1) : [])
            return start + nonce + field(offset) + address + rest
        case 65, 69: return start + nonce + field(offset) + field(byteCount) + extent
        default:
            let code = random.number(0...3) << 56 | [4, 8, 1].randomElement(using: &random)! << 48
            return start + nonce + field(offset) + field(code) + field(1) + field(0)
        }
    }

    private static func word(_ headerByteCount: Int, _ kind: Int, _ payloadByteCount: Int) -> [UInt8] {
        number(headerByteCount | kind << 16 | payloadByteCount << 24)
    }

    private static func number(_ value: Int) -> [UInt8] { (0..<8).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) } }
}
