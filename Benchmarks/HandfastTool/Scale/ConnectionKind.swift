/// What the connections of a test are.
enum ConnectionKind: Equatable {
    /// Named, and never used.
    case onDemand
    case transport(String)
    /// A third each.
    case mixed

    /// In the column of the transport.
    var name: String {
        switch self {
        case .onDemand: "on-demand"
        case .transport(let name): name
        case .mixed: "mixed"
        }
    }
}
