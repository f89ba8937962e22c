/// One line a measurement, with the fields of the JSON format.
struct CSVLayout: ReportLayout {
    let isForPeople = false
    let repeatsHeading = false

    func heading(_ tests: [TestKind]) -> String {
        let none = Measurement(
            transport: "", test: .latency, byteCount: 0, iterations: 0, p50Microseconds: 0, p99Microseconds: 0,
            maximumMicroseconds: 0, meanMicroseconds: 0, involuntarySwitches: 0)
        return none.fields.map(\.key).joined(separator: ",") + "\n"
    }

    // No name of a transport or test has a comma.
    func rows(_ measurements: [Measurement]) -> String {
        measurements.map { $0.fields.map(\.text).joined(separator: ",") + "\n" }.joined()
    }
}
