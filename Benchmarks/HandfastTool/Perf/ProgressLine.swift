/// One line on the terminal about what is being done, when that takes longer than a second.
final class ProgressLine {
    private static let delay: UInt64 = 1_000_000_000
    private static let interval: UInt64 = 200_000_000

    private let output = Output.standardError
    private let isOn: Bool
    private var start = TickClock.systemNanoseconds
    private var last: UInt64 = 0
    private var text = ""
    private var isShown = false

    init() { isOn = output.isTerminal }

    func show(_ text: String) {
        self.text = text
        tick()
    }

    /// Called now and then.
    func tick() {
        guard isOn else { return }
        let now = TickClock.systemNanoseconds
        guard now - start > Self.delay, now - last > Self.interval else { return }
        last = now
        isShown = true
        output.write("\r\(text), \((now - start) / 1_000_000_000) s\u{1b}[K")
    }

    /// Before anything else is written.
    func clear() {
        guard isShown else { return }
        isShown = false
        output.write("\r\u{1b}[K")
    }
}
