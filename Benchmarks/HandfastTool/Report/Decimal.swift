/// Numbers for people and programs, always with a point and without an exponent.
enum Decimal {
    static func text(_ value: Double, digits: Int) -> String {
        var factor: Int64 = 1
        for _ in 0..<digits { factor *= 10 }
        guard value.isFinite, let scaled = Int64(exactly: (value * Double(factor)).rounded()) else { return "0" }
        let (whole, part) = scaled.magnitude.quotientAndRemainder(dividingBy: UInt64(factor))
        let sign = scaled < 0 ? "-" : ""
        guard digits > 0 else { return "\(sign)\(whole)" }
        return "\(sign)\(whole).\(String(repeating: "0", count: digits - "\(part)".count))\(part)"
    }
}

extension String {
    func leftPadded(_ width: Int) -> String { String(repeating: " ", count: Swift.max(0, width - count)) + self }
    func rightPadded(_ width: Int) -> String { self + String(repeating: " ", count: Swift.max(0, width - count)) }
}
