/// What a message must match, said once for the model and once for the library.
package struct Criterion: CustomStringConvertible {
    /// Of the domain's sources; nil for any.
    package var source: Int?
    package var tag: UInt64 = 0
    /// None for a receive without a tag.
    package var mask: UInt64 = 0
    /// Asks by a predicate that the message's number is even.
    package var isEvenOnly = false

    package init(source: Int? = nil, tag: UInt64 = 0, mask: UInt64 = 0, isEvenOnly: Bool = false) {
        (self.source, self.tag, self.mask, self.isEvenOnly) = (source, tag, mask, isEvenOnly)
    }

    package func takes(_ message: MatchingModel.Message) -> Bool {
        if let source, source != message.source { return false }
        if (tag ^ message.tag) & mask != 0 { return false }
        return !isEvenOnly || message.number % 2 == 0
    }

    package var description: String {
        "from \(source.map { "\($0)" } ?? "any") tag \(tag) mask \(mask)\(isEvenOnly ? " even" : "")"
    }
}
