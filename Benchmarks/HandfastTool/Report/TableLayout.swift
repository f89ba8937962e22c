/// One row a size, both tests beside each other.
struct TableLayout: ReportLayout {
    let isForPeople = true
    let repeatsHeading = true

    func heading(_ tests: [TestKind]) -> String {
        let latency = tests.contains(.latency) ? column("p50 us") + column("p99 us") + column("max us") : ""
        let bandwidth = tests.contains(.bandwidth) ? column("MB/s") + column("messages/s") : ""
        return "bytes".leftPadded(10) + latency + bandwidth + "\n"
    }

    func rows(_ measurements: [Measurement]) -> String {
        let switches = measurements.reduce(0) { $0 + $1.involuntarySwitches }
        let note = switches == 0 ? "" : "   \(switches) involuntary switch\(switches == 1 ? "" : "es")"
        return "\(measurements.first?.byteCount ?? 0)".leftPadded(10) + measurements.map(columns).joined() + note + "\n"
    }

    private func columns(_ measurement: Measurement) -> String {
        switch measurement.test {
        case .latency:
            [measurement.p50Microseconds, measurement.p99Microseconds, measurement.maximumMicroseconds]
                .map { column(Decimal.text($0, digits: 2)) }.joined()
        case .bandwidth:
            column(Decimal.text(measurement.megabytesPerSecond, digits: 1))
                + column(Decimal.text(measurement.messagesPerSecond, digits: 0))
        }
    }

    private func column(_ text: String) -> String { text.leftPadded(12) }
}
