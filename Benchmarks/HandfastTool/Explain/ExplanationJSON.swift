import Handfast
import TransportAPI

/// For programs: one object.
struct ExplanationJSON {
    let text: String

    init(_ explanation: Explanation) {
        let verdicts = explanation.verdicts.map { verdict in
            JSONText.object([
                ("transport", JSONText.string(verdict.transport)), ("outcome", JSONText.string(verdict.outcome)),
                ("here", JSONText.string(verdict.here)), ("there", JSONText.string(verdict.there)),
            ])
        }
        let phases = explanation.phases.map { phase in
            JSONText.object([
                ("phase", JSONText.string(phase.name)), ("start_us", ExplanationTable.microseconds(phase.start)),
                ("duration_us", phase.duration.map { ExplanationTable.microseconds($0) } ?? "null"),
            ])
        }
        func optional(_ text: String?) -> String { text.map { JSONText.string($0) } ?? "null" }
        text = JSONText.object([
            ("address", JSONText.string("\(explanation.address)")), ("peer", optional(explanation.peer?.name)),
            ("transport", optional(explanation.transport)), ("error", optional(explanation.error?.message)),
            ("transports", JSONText.array(verdicts)), ("phases", JSONText.array(phases)),
        ])
    }
}
