import Glibc

/// How often the system took the processor away: figures with many of them say little.
enum Switches {
    /// Of this process and, where there is one, of its companion.
    static func count(companion: pid_t?) -> Int {
        var usage = rusage()
        getrusage(RUSAGE_SELF.rawValue, &usage)
        return usage.ru_nivcsw + (companion.map(count) ?? 0)
    }

    private static func count(of process: pid_t) -> Int {
        let lines = SmallFile.read("/proc/\(process)/status")?.split(separator: "\n") ?? []
        let line = lines.first { $0.hasPrefix("nonvoluntary_ctxt_switches:") }
        return line?.split(whereSeparator: \.isWhitespace).last.flatMap { Int($0) } ?? 0
    }
}
