extension String {
    /// The text for a message to people: in quotes, control characters escaped, cut after 60 Unicode scalars.
    package var quoted: String { "\"\(shortened)\"" }

    /// As `quoted`, without the quotes.
    package var shortened: String {
        var text = ""
        // Scalars and not characters: one character may be of any length.
        for scalar in unicodeScalars.prefix(60) {
            if scalar.isControl {
                text += "\\u{\(String(scalar.value, radix: 16))}"
            } else {
                text.unicodeScalars.append(scalar)
            }
        }
        return unicodeScalars.dropFirst(60).isEmpty ? text : text + "…"
    }

    package var hasControlCharacter: Bool { unicodeScalars.contains { $0.isControl } }
}

extension Unicode.Scalar {
    fileprivate var isControl: Bool { value < 0x20 || (0x7f...0x9f).contains(value) }
}
