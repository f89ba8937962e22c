/// The columns of pscom's own tool: half a round trip, and the payload in that time.
struct PscomLayout: ReportLayout {
    let isForPeople = false
    let repeatsHeading = false

    func heading(_ tests: [TestKind]) -> String {
        line(["msize", "loops", "time", "throughput"]) + line(["[bytes]", "[cnt]", "[us/cnt]", "[MB/s]"])
    }

    func rows(_ measurements: [Measurement]) -> String {
        measurements.map {
            line([
                "\($0.byteCount)", "\($0.iterations)", Decimal.text($0.meanMicroseconds, digits: 2),
                Decimal.text($0.megabytesPerSecond, digits: 2),
            ])
        }.joined()
    }

    private func line(_ cells: [String]) -> String { cells.map { $0.leftPadded(10) }.joined(separator: " ") + "\n" }
}
