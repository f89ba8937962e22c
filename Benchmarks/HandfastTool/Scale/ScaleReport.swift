/// Writes the rows of a test of many connections, and notes, which must not get between them for a program.
struct ScaleReport {
    private let format: ReportFormat
    private var hasHeading = false

    /// - Throws: for a format whose columns are those of messages.
    init(_ format: ReportFormat) throws(ToolError) {
        guard format != .pscom else {
            throw .usage(
                "--format pscom: its columns are those of latency and bandwidth; allowed are table, csv and json")
        }
        self.format = format
    }

    func note(_ text: String) { (format == .table ? Output.standard : .standardError).write("\(text)\n") }

    mutating func add(_ row: ScaleRow) {
        if !hasHeading, format != .json { Output.standard.write(line(row.fields.map(\.key), row)) }
        hasHeading = true
        guard format == .json else { return Output.standard.write(line(row.fields.map(\.text), row)) }
        let members = row.fields.map { ($0.key, $0.isText ? JSONText.string($0.text) : $0.text) }
        Output.standard.write(JSONText.object(members) + "\n")
    }

    private func line(_ cells: [String], _ row: ScaleRow) -> String {
        if format == .csv { return cells.joined(separator: ",") + "\n" }
        let padded = zip(cells, row.fields).map { cell, field in
            field.isText ? cell.rightPadded(10) : cell.leftPadded(max(field.key.count, 9) + 2)
        }
        return padded.joined() + "\n"
    }
}
