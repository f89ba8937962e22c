/// One object a line.
struct JSONLayout: ReportLayout {
    let isForPeople = false
    let repeatsHeading = false

    func heading(_ tests: [TestKind]) -> String { "" }

    func rows(_ measurements: [Measurement]) -> String {
        measurements.map {
            JSONText.object($0.fields.map { ($0.key, $0.isText ? JSONText.string($0.text) : $0.text) }) + "\n"
        }
        .joined()
    }
}
