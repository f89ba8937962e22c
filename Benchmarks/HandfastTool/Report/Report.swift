/// What a run says: measurements on the standard output, and notes, which must not get between them for a program.
struct Report {
    private let layout: any ReportLayout
    private let progress: ProgressLine
    private let tests: [TestKind]
    private var hasHeading = false

    init(_ format: ReportFormat, _ tests: [TestKind], _ progress: ProgressLine) {
        layout = format.layout
        self.progress = progress
        self.tests = tests
    }

    /// A line for people.
    func note(_ text: String) {
        progress.clear()
        (layout.isForPeople ? Output.standard : .standardError).write("\(text)\n")
    }

    mutating func begin() {
        progress.clear()
        if layout.repeatsHeading || !hasHeading { Output.standard.write(layout.heading(tests)) }
        hasHeading = true
    }

    /// - Parameter measurements: of one size.
    func add(_ measurements: [Measurement]) {
        progress.clear()
        Output.standard.write(layout.rows(measurements))
    }
}
