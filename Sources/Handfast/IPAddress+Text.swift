import TransportAPI

extension IPAddress {
    /// Reads `10.0.0.1`, `fe80::1%eth0` and `::ffff:10.0.0.1`; nil for anything else.
    ///
    /// Dotted quads are four decimal numbers without leading zeros. Only IPv6 has a zone.
    public init?(_ text: String) {
        // A hostile text costs no more than its beginning.
        let utf8 = Array(text.utf8.prefix(Self.maximumTextByteCount + 1))
        guard utf8.count <= Self.maximumTextByteCount else { return nil }
        guard let percent = utf8.firstIndex(of: UInt8(ascii: "%")) else {
            guard let bytes = Self.quad(utf8[...]) ?? Self.groups(utf8[...]) else { return nil }
            self.init(bytes: bytes)
            return
        }
        guard let bytes = Self.groups(utf8[..<percent]) else { return nil }
        self.init(bytes: bytes, zone: String(decoding: utf8[(percent + 1)...], as: UTF8.self))
    }

    /// Eight groups with an embedded quad, a percent sign and a zone.
    private static let maximumTextByteCount = 45 + 1 + 15

    private static func quad(_ text: ArraySlice<UInt8>) -> [UInt8]? {
        let parts = text.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard parts.count == 4 else { return nil }
        let numbers = parts.compactMap(octet)
        return numbers.count == 4 ? numbers : nil
    }

    private static func octet(_ text: ArraySlice<UInt8>) -> UInt8? {
        guard (1...3).contains(text.count), text.count == 1 || text.first != UInt8(ascii: "0"),
            text.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) })
        else { return nil }
        return UInt8(String(decoding: text, as: UTF8.self))
    }

    /// All of an IPv6 address without its zone.
    private static func groups(_ text: ArraySlice<UInt8>) -> [UInt8]? {
        guard let gap = text.indices.first(where: { isGap(in: text, at: $0) }) else {
            guard let bytes = run(text, mayEndInQuad: true), bytes.count == 16 else { return nil }
            return bytes
        }
        // A gap stands for at least one group.
        guard let head = gap == text.startIndex ? [] : run(text[..<gap], mayEndInQuad: false),
            let tail = gap + 2 == text.endIndex ? [] : run(text[(gap + 2)...], mayEndInQuad: true),
            head.count + tail.count <= 14
        else { return nil }
        return head + [UInt8](repeating: 0, count: 16 - head.count - tail.count) + tail
    }

    private static func isGap(in text: ArraySlice<UInt8>, at index: Int) -> Bool {
        index + 1 < text.endIndex && text[index] == UInt8(ascii: ":") && text[index + 1] == UInt8(ascii: ":")
    }

    /// Groups without a gap between them; at most 18 bytes are read before it is clear that there are too many.
    private static func run(_ text: ArraySlice<UInt8>, mayEndInQuad: Bool) -> [UInt8]? {
        let parts = text.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false)
        guard parts.count <= 8, let last = parts.last else { return nil }
        var bytes: [UInt8] = []
        for part in parts.dropLast() {
            guard let group = group(part) else { return nil }
            bytes += group
        }
        guard let end = group(last) ?? (mayEndInQuad ? quad(last) : nil) else { return nil }
        return bytes + end
    }

    private static func group(_ text: ArraySlice<UInt8>) -> [UInt8]? {
        // The number's own reader would take a sign.
        guard (1...4).contains(text.count), text.allSatisfy({ $0 != UInt8(ascii: "+") && $0 != UInt8(ascii: "-") }),
            let number = UInt16(String(decoding: text, as: UTF8.self), radix: 16)
        else { return nil }
        return [UInt8(number >> 8), UInt8(truncatingIfNeeded: number)]
    }
}
