extension String {
    /// The text for a message to people: in quotes, control characters escaped, cut after 60 Unicode scalars.
    package var quoted: String { "\"\(shortened)\"" }

    /// As `quoted`, without the quotes.
    package var shortened: String { escaped(limit: 60) }

    /// Control characters escaped, so that what a peer wrote stays on its line of a log; cut after so many scalars.
    package func escaped(limit: Int = 1024) -> String {
        var text = ""
        // Scalars and not characters: one character may be of any length.
        for scalar in unicodeScalars.prefix(limit) {
            if scalar.isControl {
                text += "\\u{\(String(scalar.value, radix: 16))}"
            } else {
                text.unicodeScalars.append(scalar)
            }
        }
        return unicodeScalars.dropFirst(limit).isEmpty ? text : text + "…"
    }

    package var hasControlCharacter: Bool { unicodeScalars.contains { $0.isControl } }
}

extension Unicode.Scalar {
    fileprivate var isControl: Bool { value < 0x20 || (0x7f...0x9f).contains(value) }
}
