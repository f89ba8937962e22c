/// Numbers of bytes as people write them: `64m` is 64 * 1024 * 1024.
enum ByteCountText {
    private static let units: [(suffix: Character, shift: Int)] = [("g", 30), ("m", 20), ("k", 10)]

    /// Nil for anything but decimal digits and at most one of k, m, g in either case, and beyond `Int.max`.
    static func byteCount(of text: String) -> Int? {
        let lowercased = text.lowercased()
        let unit = units.first { lowercased.last == $0.suffix }
        let digits = unit == nil ? lowercased[...] : lowercased.dropLast()
        guard digits.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }),
            let number = Int(digits)
        else { return nil }
        let (byteCount, overflow) = number.multipliedReportingOverflow(by: 1 << (unit?.shift ?? 0))
        return overflow ? nil : byteCount
    }

    /// With the largest unit that leaves a whole number.
    static func text(of byteCount: Int) -> String {
        let unit = units.first { byteCount != 0 && byteCount % (1 << $0.shift) == 0 }
        guard let unit else { return String(byteCount) }
        return "\(byteCount >> unit.shift)\(unit.suffix)"
    }
}
