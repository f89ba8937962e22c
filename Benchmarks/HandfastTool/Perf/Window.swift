/// How many messages a bandwidth test has in flight.
enum Window {
    private static let largest = 64
    /// Ours answer half a window at once, so there are two halves.
    private static let smallest = 2
    private static let byteLimit = 16 << 20
    /// For a peer that echoes each message and may have room for few.
    private static let largestForEcho = 16

    static func count(_ byteCount: Int, isEcho: Bool) -> Int {
        let fitting = byteLimit / max(byteCount, 1) / 2 * 2
        return max(smallest, min(fitting, isEcho ? largestForEcho : largest))
    }
}
