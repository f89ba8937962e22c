import ArgumentParser

enum ReportFormat: String, CaseIterable, ExpressibleByArgument {
    case table
    case pscom
    case csv
    case json

    var layout: any ReportLayout {
        switch self {
        case .table: TableLayout()
        case .pscom: PscomLayout()
        case .csv: CSVLayout()
        case .json: JSONLayout()
        }
    }
}

/// How measurements are written.
protocol ReportLayout {
    /// Whether notes may stand between the rows.
    var isForPeople: Bool { get }
    /// Whether the heading comes again with each transport.
    var repeatsHeading: Bool { get }
    func heading(_ tests: [TestKind]) -> String
    /// - Parameter measurements: of one size.
    func rows(_ measurements: [Measurement]) -> String
}
