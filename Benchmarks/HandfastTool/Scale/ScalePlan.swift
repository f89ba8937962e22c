import Handfast

/// What is to be measured of many connections, and how it is to be told.
struct ScalePlan {
    let test: ScaleTest
    /// Nil for the usual ones of the test.
    let counts: [Int]?
    let format: ReportFormat
    /// The transports that the user named; nil for TCP, shared memory and, where there is a device, verbs.
    let names: [String]?
    let pinning: Pinning

    var kinds: [ConnectionKind] {
        let transports = (names ?? ["tcp", "shm"] + (LocalHost.isRDMA ? ["verbs"] : [])).map {
            ConnectionKind.transport($0)
        }
        // The usual run has everything; who names transports wants those.
        switch test {
        case .connect, .crowd, .sleep: return transports
        case .memory: return (names == nil ? [.onDemand] : []) + transports
        case .idle: return (names == nil ? [.onDemand] : []) + transports + (names == nil ? [.mixed] : [])
        }
    }
}
