/// Payload sizes to measure, in bytes.
enum SizeList {
    private static let units: [(suffix: Character, factor: Int)] = [("k", 1 << 10), ("m", 1 << 20), ("g", 1 << 30)]
    private static let largest = 1 << 30

    /// 1 B to 4 MiB by a factor of two.
    static let powersOfTwo = (0...22).map { 1 << $0 }

    /// As pscom's own tool has them: 1 B to 4 MiB by the square root of two, each once.
    static let powersOfRootTwo: [Int] = {
        let odd = powersOfTwo.map { Int((Double($0) * 2.0.squareRoot()).rounded()) }
        return Set(powersOfTwo + odd.dropLast()).sorted()
    }()

    /// Reads `8,1k,1m`.
    static func parse(_ text: String) throws(ToolError) -> [Int] {
        var sizes: [Int] = []
        for part in text.split(separator: ",", omittingEmptySubsequences: false) {
            guard let size = byteCount(part.lowercased()), size <= largest else {
                throw .usage(
                    "--sizes \(text.isEmpty ? "\"\"" : text): \"\(part)\" is no size; allowed are numbers of bytes from"
                        + " 0 to 1g, with k, m or g for 1024, 1024² or 1024³, and commas between them")
            }
            sizes.append(size)
        }
        return sizes
    }

    private static func byteCount(_ text: String) -> Int? {
        let unit = units.first { text.last == $0.suffix }
        let digits = unit == nil ? text[...] : text.dropLast()
        guard (1...10).contains(digits.utf8.count), digits.utf8.allSatisfy({ (48...57).contains($0) }),
            let number = Int(digits)
        else { return nil }
        return number * (unit?.factor ?? 1)
    }
}
