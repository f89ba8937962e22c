extension Setting where Value == Int {
    /// A whole number.
    /// - Parameter unit: what is counted, for messages: "a number of handshakes".
    public static func integer(
        _ name: String, default defaultValue: Int, in range: ClosedRange<Int>, unit: String = "a number", help: String
    ) -> Setting {
        Setting(
            name, defaultText: String(defaultValue), allowed: words(for: unit, in: range), help: help,
            parse: { parseInteger($0, in: range) })
    }

    /// A number of bytes; the user may write `k`, `m` or `g` behind it for a factor of 1024, 1024² or 1024³.
    public static func byteCount(
        _ name: String, default defaultValue: Int, in range: ClosedRange<Int>, help: String
    ) -> Setting {
        let bounds = "\(ByteCountText.text(of: range.lowerBound)) to \(ByteCountText.text(of: range.upperBound))"
        return Setting(
            name, defaultText: ByteCountText.text(of: defaultValue),
            allowed: "a number of bytes from \(bounds), with k, m or g for 1024, 1024² or 1024³", help: help
        ) { text in
            guard let byteCount = ByteCountText.byteCount(of: text), range.contains(byteCount) else { return nil }
            return byteCount
        }
    }
}

extension Setting where Value == Duration {
    /// A duration that the user writes as a whole number of milliseconds; `default` and `range` are such numbers too.
    public static func milliseconds(
        _ name: String, default defaultValue: Int, in range: ClosedRange<Int>, help: String
    ) -> Setting {
        Setting(
            name, defaultText: String(defaultValue), allowed: words(for: "a number of milliseconds", in: range),
            help: help,
            parse: { parseInteger($0, in: range).map { .milliseconds($0) } })
    }

    /// A duration that the user writes as a whole number of microseconds; `default` and `range` are such numbers too.
    public static func microseconds(
        _ name: String, default defaultValue: Int, in range: ClosedRange<Int>, help: String
    ) -> Setting {
        Setting(
            name, defaultText: String(defaultValue), allowed: words(for: "a number of microseconds", in: range),
            help: help,
            parse: { parseInteger($0, in: range).map { .microseconds($0) } })
    }
}

private func words(for unit: String, in range: ClosedRange<Int>) -> String {
    "\(unit) from \(range.lowerBound) to \(range.upperBound)"
}

private func parseInteger(_ text: String, in range: ClosedRange<Int>) -> Int? {
    guard let number = Int(text), range.contains(number) else { return nil }
    return number
}
