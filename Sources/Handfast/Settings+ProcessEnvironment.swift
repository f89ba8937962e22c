import CSystem

extension Settings {
    /// The environment of this process: the only place that reads it.
    ///
    /// Bytes that are no UTF-8 are replaced. Where a name comes twice, the first holds, as for `getenv`.
    /// It must not run while another thread changes the environment.
    public static func processEnvironment() -> [String: String] { environment(from: csystem_environment()) }

    /// - Parameter entries: `NAME=value` each, the last followed by nil; nil when there are none at all.
    static func environment(from entries: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?) -> [String: String] {
        var environment: [String: String] = [:]
        guard var entry = entries else { return environment }
        while let bytes = entry.pointee {
            let parts = String(cString: bytes).split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            entry += 1
            guard parts.count == 2, environment[String(parts[0])] == nil else { continue }
            environment[String(parts[0])] = String(parts[1])
        }
        return environment
    }
}
