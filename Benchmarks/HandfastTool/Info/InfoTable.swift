import Handfast
import TransportAPI

/// For people.
struct InfoTable {
    let transports: [TransportState]
    let settings: Settings

    var text: String { "Transports, nearest first\n\(transportLines)\nSettings\n\(settingLines)" }

    private var transportLines: String {
        let width = transports.map(\.definition.name.count).max() ?? 0
        return transports.map { state in
            let definition = state.definition
            let word = state.isAvailable ? "available" : "not available: \(state.reason)"
            return "  \(definition.name.rightPadded(width))  \(word)\n"
                + "  \(String(repeating: " ", count: width))  \(definition.summary); number \(definition.number)\n"
        }.joined()
    }

    private var settingLines: String {
        settings.rows.map { row in
            let value = settings.values.text(of: row) ?? ""
            let source =
                settings.values.source(of: row) == .environment
                ? "environment; default \(shown(row.defaultText))" : "default"
            return "  \(row.name)=\(value)  (\(source))\n      \(row.help)\n      Takes \(row.allowed).\n"
        }.joined()
    }

    private func shown(_ text: String) -> String { text.isEmpty ? "empty" : text }
}
