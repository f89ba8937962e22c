extension IPAddress: CustomStringConvertible {
    /// The canonical text; reading it gives the same address.
    ///
    /// Source: RFC 5952. The longest run of at least two zero groups, the first of equals, becomes `::`.
    public var description: String {
        guard isIPv6 else { return Self.quadText(bytes[...]) }
        let text = isMapped ? "::ffff:" + Self.quadText(bytes[12...]) : groupsText
        return zone.map { "\(text)%\($0)" } ?? text
    }

    private static func quadText(_ bytes: ArraySlice<UInt8>) -> String {
        bytes.map { String($0) }.joined(separator: ".")
    }

    private var groupsText: String {
        let groups = stride(from: 0, to: 16, by: 2).map { UInt16(bytes[$0]) << 8 | UInt16(bytes[$0 + 1]) }
        let zeros = Self.longestZeroRun(in: groups)
        guard zeros.count >= 2 else { return Self.text(of: groups[...]) }
        return Self.text(of: groups[..<zeros.lowerBound]) + "::" + Self.text(of: groups[zeros.upperBound...])
    }

    private static func text(of groups: ArraySlice<UInt16>) -> String {
        groups.map { String($0, radix: 16) }.joined(separator: ":")
    }

    private static func longestZeroRun(in groups: [UInt16]) -> Range<Int> {
        var longest = 0..<0
        var start = 0
        for (index, group) in groups.enumerated() {
            if group != 0 {
                start = index + 1
            } else if index + 1 - start > longest.count {
                longest = start..<(index + 1)
            }
        }
        return longest
    }
}
