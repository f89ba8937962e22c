import Handfast
import TransportAPI

/// For programs: one object with `transports` and `settings`.
struct InfoJSON {
    let transports: [TransportState]
    let settings: Settings

    var text: String {
        JSONText.object([
            ("transports", JSONText.array(transports.map(object))),
            ("settings", JSONText.array(settings.rows.map(object))),
        ])
    }

    private func object(_ state: TransportState) -> String {
        JSONText.object([
            ("name", JSONText.string(state.definition.name)), ("number", "\(state.definition.number)"),
            ("summary", JSONText.string(state.definition.summary)), ("available", "\(state.isAvailable)"),
            ("reason", JSONText.string(state.reason)),
        ])
    }

    private func object(_ row: SettingRow) -> String {
        let source = settings.values.source(of: row) == .environment ? "environment" : "default"
        return JSONText.object([
            ("name", JSONText.string(row.name)), ("value", JSONText.string(settings.values.text(of: row) ?? "")),
            ("default", JSONText.string(row.defaultText)), ("source", JSONText.string(source)),
            ("allowed", JSONText.string(row.allowed)), ("help", JSONText.string(row.help)),
        ])
    }
}
