import DefaultTransports
import Handfast
import TransportAPI

/// What is to be measured, and how it is to be told.
struct Plan {
    let tests: [TestKind]
    let sizes: [Int]
    /// Nil for as many as fit into the usual time.
    let iterations: Int?
    let verifies: Bool
    /// Buffers are memory of the endpoints.
    let allocates: Bool
    let format: ReportFormat
    /// What the user allows, by argument or environment.
    let selection: TransportSelection
    /// The transports that the user named by an argument; nil when there was none.
    let names: [String]?
    /// Nil for what suits the run.
    let pinning: Pinning?

    /// Just one transport, with any peer.
    static func only(_ transport: String) throws(HandfastError) -> TransportSelection {
        let known = try availableTransports(in: Settings.processEnvironment()).map(\.name)
        return try TransportSelection(transports: transport, select: nil, known: known)
    }
}
