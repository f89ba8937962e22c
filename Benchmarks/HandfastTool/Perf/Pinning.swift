/// Where the two processes run: the measuring one, and the echoing one.
enum Pinning: Equatable {
    /// Wherever the system puts them.
    case none
    case cores(measuring: Int, echoing: Int)

    /// As the echoing process is told by `--pin`.
    var echoingText: String { if case .cores(_, let core) = self { "\(core)" } else { "none" } }

    /// Reads `0,1`, `0` for both, or `none`.
    /// - Parameter usable: the cores that may be named.
    static func parse(_ text: String, usable: [Int]) throws(ToolError) -> Pinning {
        if text == "none" { return .none }
        let cores = text.split(separator: ",", omittingEmptySubsequences: false).map { Int($0) }
        guard (1...2).contains(cores.count), let first = cores[0], let second = cores[cores.count - 1],
            usable.contains(first), usable.contains(second)
        else {
            throw .usage(
                "--pin \(text): allowed are one or two of the usable cores, \(usable.map(String.init).joined(separator: ",")),"
                    + " as in 0,1 for the measuring and the echoing process, or none")
        }
        return .cores(measuring: first, echoing: second)
    }
}
