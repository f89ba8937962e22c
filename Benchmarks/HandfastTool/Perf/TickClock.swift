import CBench
import Glibc

/// A clock for single rounds: the processor's counter where the kernel itself keeps time by it, else the system's clock.
struct TickClock {
    /// Kernels say so when they found that the counter is steady and the same on all cores.
    private static let steadySources = ["tsc", "arch_sys_counter"]
    private static let calibrationNanoseconds: UInt64 = 20_000_000

    let isCounter: Bool
    let nanosecondsPerTick: Double

    init() {
        let source = SmallFile.read("/sys/devices/system/clocksource/clocksource0/current_clocksource") ?? ""
        isCounter = cbench_ticks() != 0 && Self.steadySources.contains { source == "\($0)\n" }
        nanosecondsPerTick = isCounter ? Self.measureCounter() : 1
    }

    // Hot path.
    var now: UInt64 { isCounter ? cbench_ticks() : Self.systemNanoseconds }

    // Hot path.
    func nanoseconds(_ ticks: UInt64) -> Double { Double(ticks) * nanosecondsPerTick }

    func ticks(_ duration: Duration) -> UInt64 { UInt64(duration / .nanoseconds(1) / nanosecondsPerTick) }

    static var systemNanoseconds: UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }

    private static func measureCounter() -> Double {
        let (start, startTicks) = (systemNanoseconds, cbench_ticks())
        while systemNanoseconds - start < calibrationNanoseconds {}
        return Double(systemNanoseconds - start) / Double(cbench_ticks() - startTicks)
    }
}
