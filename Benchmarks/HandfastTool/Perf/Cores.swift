import CBench

/// The processor cores that this process may run on, and staying on one of them.
enum Cores {
    private static let limit = 1024

    /// What cores may be called.
    static var all: [Int] { Array(0..<limit) }

    /// What the system lets this process use, in order.
    static func usable() -> [Int] {
        var cores = [Int32](repeating: 0, count: limit)
        let count = cbench_usable_cores(&cores, Int32(limit))
        return cores.prefix(Int(count)).map { Int($0) }
    }

    /// Two cores that share no execution units, if there are two; nil with one core.
    static func pair() -> (Int, Int)? {
        let usable = usable()
        guard let first = usable.first, usable.count > 1 else { return nil }
        let siblings = siblings(of: first)
        let second = usable.dropFirst().first { self.siblings(of: $0) != siblings }
        return (first, second ?? usable[1])
    }

    /// Stays on one core.
    static func pin(to core: Int) throws(ToolError) {
        guard cbench_pin(Int32(clamping: core)) == 0 else {
            let usable = usable().map(String.init).joined(separator: ",")
            throw .usage("--pin: core \(core) cannot be used here; allowed are \(usable) and none")
        }
    }

    /// Numbers of the cores in the same physical core, as the kernel writes them.
    private static func siblings(of core: Int) -> String {
        SmallFile.read("/sys/devices/system/cpu/cpu\(core)/topology/thread_siblings_list") ?? "\(core)"
    }
}
