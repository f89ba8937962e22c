/// Numbers of connections to measure with.
enum CountList {
    private static let allowed = 1...1_000_000

    /// Reads `500,5000`.
    static func parse(_ text: String) throws(ToolError) -> [Int] {
        var counts: [Int] = []
        for part in text.split(separator: ",", omittingEmptySubsequences: false) {
            guard let count = Int(part), allowed.contains(count) else {
                throw .usage(
                    "--connections \(text.isEmpty ? "\"\"" : text): \"\(part)\" is no number of connections; allowed are"
                        + " numbers from \(allowed.lowerBound) to \(allowed.upperBound) and commas between them")
            }
            counts.append(count)
        }
        return counts
    }
}
