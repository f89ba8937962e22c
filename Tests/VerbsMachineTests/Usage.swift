import Glibc

/// What this process has used so far.
struct Usage {
    let processor: Duration
    /// How often it gave the processor up by itself.
    let wakeUps: Int

    init() {
        var usage = rusage()
        getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
        processor =
            .seconds(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec)
            + .microseconds(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec)
        wakeUps = usage.ru_nvcsw
    }
}
